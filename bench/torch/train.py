"""One training step of a lake segmenter in PyTorch: DINOv2 from dinov2.py, the ViT U-Net decoder, BCE + Lovasz hinge, clipping, AdamW.

Weights come from a file with the names that glof gives them; the task names the segmenter's numbers. What learns is said by
the names themselves, and LoRA is W + (alpha / rank) B A, formed in each pass as it is on the other side.
"""

import re

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

import dinov2
import losses


class Decoder:
    """Maps of the backbone and two stems of the image to logits; widths and names are those of the weights."""

    def __init__(self, weights):
        self.w = weights

    def conv(self, x, at, stride=1):
        weight = self.w[f"decoder.{at}.weight"]
        bias = self.w.get(f"decoder.{at}.bias")
        return F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)

    def unit(self, x, at, stride=1):
        x = self.conv(x, f"{at}.conv", stride)
        groups = min(8, x.shape[1])
        while x.shape[1] % groups:
            groups -= 1
        w, b = self.w[f"decoder.{at}.norm.weight"], self.w[f"decoder.{at}.norm.bias"]
        return F.relu(F.group_norm(x, groups, w, b, 1e-5))

    def forward(self, maps, image):
        fused = sum(self.conv(one, f"lateral.{index}") for index, one in enumerate(maps))
        x = F.interpolate(self.unit(fused, "patch"), scale_factor=2, mode="nearest")
        x = self.conv(self.unit(x, "quarter"), "to_half")
        stem = self.unit(self.unit(image, "half_stem.0", 2), "half_stem.1")
        x = F.interpolate(x, size=stem.shape[-2:], mode="bilinear", align_corners=False)
        x = self.conv(self.unit(torch.cat([x, stem], 1), "half"), "to_full")
        x = F.interpolate(x, size=image.shape[-2:], mode="nearest")
        x = torch.cat([x, self.unit(image, "full_stem")], 1)
        return self.conv(self.unit(self.unit(x, "full.0"), "full.1"), "logits")


class TrainWork:
    def __init__(self, place, args):
        self.place, self.args = place, args
        weights = torch.load(args["path"], map_location="cpu")
        learns = re.compile(args["learns"])
        # Weights and moments stay f32, as they do where mixed precision is used.
        self.w = {name: value.float().to(place.device) for name, value in weights.items()}
        self.learning = [name for name in self.w if learns.search(name)]
        for name in self.learning:
            self.w[name].requires_grad_(True)
        shape = (args["batch"], args["side"], args["side"])
        f32 = type(place)(place.device, torch.float32)
        self.images = f32.tensor((*shape, args["bands"]), 1).permute(0, 3, 1, 2).contiguous()
        self.target = (f32.tensor((*shape, 1), 2) > 0.4).float()
        self.optimiser = torch.optim.AdamW([self.w[name] for name in self.learning], lr=1e-4, weight_decay=0.01)
        self.facts = {"learning": sum(self.w[name].numel() for name in self.learning)}

    def effective(self):
        """The backbone's weights with the adapters at work."""
        w = {name[9:]: value for name, value in self.w.items() if name.startswith("backbone.")}
        for name in [name for name in w if name.endswith(".lora_A.weight")]:
            at = name[: -len(".lora_A.weight")]
            weight = w[f"{at}.weight"]
            # The patch embedding is a convolution; its factors are too.
            update = w[f"{at}.lora_B.weight"].flatten(1) @ w[name].flatten(1)
            w[f"{at}.weight"] = weight + update.reshape(weight.shape) * self.args["scaling"]
        return w

    def maps(self):
        w, args = self.effective(), self.args
        x = F.conv2d(self.images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=dinov2.PATCH)
        rows, cols = x.shape[-2:]
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([w["cls_token"].expand(x.shape[0], -1, -1), x], 1) + w["pos_embed"]
        found = []
        for index in range(args["depth"]):
            once = lambda x, at=f"blocks.{index}": dinov2.block(w, x, at, args["heads"])
            # Where nothing learns below, nothing is kept anyway.
            again = args["lean"] and (x.requires_grad or any(v.requires_grad for k, v in w.items() if k.startswith(f"blocks.{index}.")))
            x = checkpoint(once, x, use_reentrant=False) if again else once(x)
            if index in args["layers"]:
                normed = F.layer_norm(x, (x.shape[-1],), w["norm.weight"], w["norm.bias"], 1e-6)
                found.append(normed[:, 1:].transpose(1, 2).reshape(x.shape[0], -1, rows, cols))
        return found

    def loss(self):
        with torch.autocast(self.place.device.type, torch.bfloat16, enabled=self.place.dtype == torch.bfloat16):
            logits = Decoder(self.w).forward(self.maps(), self.images)
        logits = logits.float().permute(0, 2, 3, 1)
        return F.binary_cross_entropy_with_logits(logits, self.target) + losses.lovasz_hinge(logits, self.target)

    def backward(self):
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        return loss

    def run(self):
        self.backward()
        torch.nn.utils.clip_grad_norm_([self.w[name] for name in self.learning], 1.0)
        self.optimiser.step()

    def first(self):
        """Loss and gradients of the named parameters, before anything has been learned; parts in order."""
        loss = self.backward()
        grads = [self.w[name].grad.detach().float().flatten() for name in self.args["compare"].split(",")]
        return [loss.detach().reshape(1).float(), *grads]


def train_work(place, args):
    work = TrainWork(place, args)
    # Compared at the weights of the file: a run changes them.
    work.parts = [part.cpu() for part in work.first()]
    return work
