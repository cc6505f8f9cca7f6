"""The gateway of an account: the one place where intents become orders."""
