"""What the site needs beside Sphinx, MyST and Furo. Rule: a page can be read without any of it."""
