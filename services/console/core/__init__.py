"""The pure part of the console: who may what, pages of a list, entity tags, what an audit says."""
