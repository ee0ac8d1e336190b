"""Live: what is recorded, republished to readers as it happens, and to each from where it left off."""
