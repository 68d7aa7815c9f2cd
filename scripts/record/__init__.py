"""Records anew, from a real server, what the tests are held against."""
