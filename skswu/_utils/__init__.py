"""Small tools that every part uses."""
