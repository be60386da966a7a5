"""Words and text for messages: what every channel says of an alert, and foreign text made fit to show."""
