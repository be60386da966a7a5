"""The console: what people and programs look at and change, over HTTP."""
