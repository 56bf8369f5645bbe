"""Writes a .pth with the official names and random weights: python3 write_dinov2.py S|B|L|T depth file"""

import os
import sys

import torch

import dinov2

size, depth, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.save(dinov2.random_weights(size, depth), path + ".tmp")
os.replace(path + ".tmp", path)
