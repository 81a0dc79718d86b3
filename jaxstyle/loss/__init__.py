"""What is minimised: terms, presets, the metric of Gram matrices, features in strips."""
