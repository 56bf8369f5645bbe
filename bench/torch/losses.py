"""Losses in PyTorch: binary cross entropy, Dice, and the Lovasz hinge (Berman, Triki and Blaschko 2018, algorithm 1)."""

import torch
import torch.nn.functional as F


def lovasz_hinge(logits, target):
    logits, target = logits.reshape(-1), target.reshape(-1)
    errors = 1 - logits * (2 * target - 1)
    errors, order = torch.sort(errors, descending=True)
    truth = target[order]
    total = truth.sum()
    intersection = total - truth.cumsum(0)
    union = total + (1 - truth).cumsum(0)
    jaccard = 1 - intersection / union
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return torch.dot(F.relu(errors), steps)


def dice(logits, target):
    probability = torch.sigmoid(logits)
    overlap = (probability * target).sum()
    return 1 - 2 * overlap / (probability.sum() + target.sum()).clamp_min(1e-7)


named = {"lovaszHinge": lovasz_hinge, "dice": dice, "bce": F.binary_cross_entropy_with_logits}


class LossWork:
    """Value and gradient."""

    def __init__(self, place, args):
        shape = (args["batch"], args["side"], args["side"], 1)
        self.loss = named[args["loss"]]
        self.logits = place.tensor(shape, 1, 3.0).requires_grad_(True)
        self.target = (place.tensor(shape, 2) > 0.4).to(place.dtype)

    def once(self):
        return torch.autograd.grad(self.loss(self.logits, self.target), self.logits)[0]

    def run(self):
        self.once()

    def output(self):
        return self.once()


def loss(place, args):
    return LossWork(place, args)
