"""How Chancery is run: containers, broker, dashboards and the demo."""
