"""What networks that paint in one pass share, whatever they learn: layers, painting, crops, the course of a training."""
