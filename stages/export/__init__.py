"""The stage export: the model in forms that need nothing beside them."""
