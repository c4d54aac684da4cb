"""Request and response models, built from the domain's types."""
