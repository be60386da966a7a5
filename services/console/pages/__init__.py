"""The web page: templates over what the REST API answers, and a little script that sends changes to it."""
