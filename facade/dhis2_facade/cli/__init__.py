"""The command `dhis2`: messaging, files and people of a DHIS2 server from the terminal."""
