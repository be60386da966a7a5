"""The demo of `make up`: a newsroom of feeds that fill as one watches, and an endpoint that checks what arrives."""
