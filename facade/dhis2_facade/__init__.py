"""DHIS2 from Python: import the pin of your server's version, such as `dhis2_facade.v42`."""
