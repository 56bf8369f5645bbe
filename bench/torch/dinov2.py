"""DINOv2's forward pass in plain PyTorch functions over a state dict with the official names.

Oquab et al. 2023, "DINOv2: Learning Robust Visual Features without Supervision". Written from the paper and the names of
the official checkpoints: patch embedding, learnt positions, pre-norm blocks with LayerScale, exact GELU.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "T": (192, 2, 3)}
PATCH = 14
GRID = 37


def attend(qkv, heads):
    """[N, T, 3D] -> [N, T, D]: the fused kernel where PyTorch has one, else products and softmax."""
    n, t, packed = qkv.shape
    q, k, v = qkv.reshape(n, t, 3, heads, packed // 3 // heads).permute(2, 0, 3, 1, 4)
    if hasattr(F, "scaled_dot_product_attention"):
        values = F.scaled_dot_product_attention(q, k, v)
    else:
        values = torch.softmax(q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5), -1) @ v
    return values.transpose(1, 2).reshape(n, t, packed // 3)


def block(w, x, at, heads):
    width = (x.shape[-1],)
    g = lambda name: w[f"{at}.{name}"]
    y = F.layer_norm(x, width, g("norm1.weight"), g("norm1.bias"), 1e-6)
    y = attend(F.linear(y, g("attn.qkv.weight"), g("attn.qkv.bias")), heads)
    x = x + F.linear(y, g("attn.proj.weight"), g("attn.proj.bias")) * g("ls1.gamma")
    y = F.layer_norm(x, width, g("norm2.weight"), g("norm2.bias"), 1e-6)
    y = F.gelu(F.linear(y, g("mlp.fc1.weight"), g("mlp.fc1.bias")))
    return x + F.linear(y, g("mlp.fc2.weight"), g("mlp.fc2.bias")) * g("ls2.gamma")


def forward(w, images, depth, heads):
    """Images [N, 3, 518, 518] -> normalised tokens [N, 1 + 1369, D]."""
    x = F.conv2d(images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=PATCH)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([w["cls_token"].expand(x.shape[0], -1, -1), x], 1) + w["pos_embed"]
    for index in range(depth):
        x = block(w, x, f"blocks.{index}", heads)
    return F.layer_norm(x, (x.shape[-1],), w["norm.weight"], w["norm.bias"], 1e-6)


def random_weights(size, depth, seed=0):
    """A state dict with the official names and shapes, of values as a trained model has them."""
    width, _, _ = SIZES[size]
    make = torch.Generator().manual_seed(seed)
    normal = lambda *shape, std=0.02: torch.randn(*shape, generator=make) * std
    w = {
        "cls_token": normal(1, 1, width),
        "pos_embed": normal(1, GRID * GRID + 1, width),
        "mask_token": torch.zeros(1, width),
        "patch_embed.proj.weight": normal(width, 3, PATCH, PATCH),
        "patch_embed.proj.bias": normal(width),
    }
    for index in range(depth):
        at = f"blocks.{index}."
        for norm in ("norm1", "norm2"):
            w[f"{at}{norm}.weight"] = 1 + normal(width, std=0.1)
            w[f"{at}{norm}.bias"] = normal(width, std=0.1)
        for name, outputs, inputs in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            w[f"{at}{name}.weight"] = normal(outputs, inputs)
            w[f"{at}{name}.bias"] = normal(outputs)
        for scale in ("ls1", "ls2"):
            w[f"{at}{scale}.gamma"] = 0.1 + normal(width)
    w["norm.weight"] = 1 + normal(width, std=0.1)
    w["norm.bias"] = normal(width, std=0.1)
    return w


class ModelWork:
    """Loads a checkpoint and runs one image, noting what each stage takes."""

    def __init__(self, place, args):
        _, _, heads = SIZES[args["size"]]
        started = time.perf_counter()
        weights = torch.load(args["path"], map_location="cpu")
        loaded = time.perf_counter()
        self.weights = {name: value.to(place.device, place.dtype) for name, value in weights.items()}
        place.settle()
        self.facts = {
            "readMs": (loaded - started) * 1e3,
            "uploadMs": (time.perf_counter() - loaded) * 1e3,
        }
        side = PATCH * GRID
        self.images = place.tensor((1, side, side, 3), 1).permute(0, 3, 1, 2).contiguous()
        self.depth, self.heads = args["depth"], heads

    def once(self):
        with torch.inference_mode():
            return forward(self.weights, self.images, self.depth, self.heads)

    def run(self):
        self.once()

    def output(self):
        return self.once()[:, 1:]


def model_work(place, args):
    return ModelWork(place, args)
