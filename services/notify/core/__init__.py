"""Pure decisions of notify: who is told, when to try again, how to sign."""
