"""The operations of the command line as tools for agents, over the Model Context Protocol."""
