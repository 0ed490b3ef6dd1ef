"""bnn_hw: from a trained binary neural network to a verified FPGA accelerator."""

__version__ = "0.1.0"
