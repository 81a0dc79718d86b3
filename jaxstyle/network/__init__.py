"""Features: VGG, its convolution, its weights."""
