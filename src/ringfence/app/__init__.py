"""The doors: what people and programs see of Ringfence."""
