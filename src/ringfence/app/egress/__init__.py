"""Every outgoing connection of the server starts here, so that they can be counted."""
