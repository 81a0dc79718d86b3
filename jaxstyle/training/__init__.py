"""What every training needs: photographs and their crops, the loop with its checkpoints, and where the network is saved."""
