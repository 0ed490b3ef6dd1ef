"""Training of the networks: the only part of bnn_hw that imports torch and Brevitas."""
