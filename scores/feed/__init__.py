"""The feed: its event stream decoded, followed and simulated."""
