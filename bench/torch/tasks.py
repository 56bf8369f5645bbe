"""The tasks of the benchmark in PyTorch, under the names and with the inputs of the other sides."""

import numpy as np
import torch
import torch.nn.functional as F

import dinov2
import losses
import train


class Place:
    """Where and in which precision to compute."""

    def __init__(self, device, dtype):
        self.device = torch.device(device)
        self.dtype = dtype

    def settle(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def tensor(self, shape, salt, scale=1.0):
        values = fill_values(int(np.prod(shape)), salt, scale).reshape(shape)
        return torch.from_numpy(values).to(self.device, self.dtype)


def fill_values(length, salt, scale=1.0):
    """Repeats fillValues of src/protocol.ts: state n of a linear congruential generator in closed form."""
    first = (((salt + 1) * 2654435761) ^ 0x9E3779B9) & 0xFFFFFFFF
    with np.errstate(over="ignore"):
        powers = np.cumprod(np.full(length, 1664525, np.uint32), dtype=np.uint32)
        sums = np.cumsum(np.concatenate([[np.uint32(1)], powers[:-1]]).astype(np.uint32), dtype=np.uint32)
        states = powers * np.uint32(first) + sums * np.uint32(1013904223)
    return (((states >> np.uint32(8)) / 8388608.0 - 1.0) * scale).astype(np.float32)


class Operation:
    """An operation, forward alone or with the gradients of all inputs."""

    def __init__(self, place, inputs, forward, gradient):
        self.forward, self.gradient = forward, gradient
        self.inputs = [tensor.requires_grad_(gradient) for tensor in inputs]
        self.dy = None
        if gradient:
            with torch.no_grad():
                shape = forward(*self.inputs).shape
            self.dy = self.arrange_dy(place, shape)

    def arrange_dy(self, place, shape):
        if len(shape) != 4:
            return place.tensor(tuple(shape), 90)
        # Images are NCHW here and NHWC there.
        n, c, h, w = shape
        return place.tensor((n, h, w, c), 90).permute(0, 3, 1, 2).contiguous()

    def once(self):
        if not self.gradient:
            with torch.inference_mode():
                return self.forward(*self.inputs)
        return torch.autograd.grad(self.forward(*self.inputs), self.inputs, self.dy)[0]

    def run(self):
        self.once()

    def output(self):
        result = self.once()
        return result.permute(0, 2, 3, 1) if result.dim() == 4 else result


def swiglu(both):
    gate, value = both.chunk(2, -1)
    return F.silu(gate) * value


def linear(place, a):
    inputs = [place.tensor((a["rows"], a["inner"]), 1)]
    # PyTorch keeps a linear weight as [out, in].
    inputs.append(place.tensor((a["inner"], a["cols"]), 2, 0.05).t().contiguous())
    inputs.append(place.tensor((a["cols"],), 3))
    finish = {"none": lambda y: y, "gelu": F.gelu, "swiglu": swiglu}[a["activation"]]
    return Operation(place, inputs, lambda x, w, b: finish(F.linear(x, w, b)), a["gradient"])


def attention(place, a):
    qkv = place.tensor((a["batch"], a["tokens"], 3 * a["width"]), 1)
    return Operation(place, [qkv], lambda x: dinov2.attend(x, a["heads"]), a["gradient"])


def layer_norm(place, a):
    inputs = [place.tensor((a["rows"], a["cols"]), 1), place.tensor((a["cols"],), 2), place.tensor((a["cols"],), 3)]
    return Operation(place, inputs, lambda x, g, b: F.layer_norm(x, (a["cols"],), g, b, 1e-6), a["gradient"])


def gelu(place, a):
    return Operation(place, [place.tensor((a["rows"], a["cols"]), 1, 3.0)], F.gelu, a["gradient"])


def softmax(place, a):
    inputs = [place.tensor((a["rows"], a["cols"]), 1, 3.0)]
    return Operation(place, inputs, lambda x: torch.softmax(x, -1), a["gradient"])


def conv(place, a):
    k = a["kernel"]
    x = place.tensor((1, a["rows"], a["rows"], a["from"]), 1).permute(0, 3, 1, 2).contiguous()
    w = place.tensor((k, k, a["from"], a["to"]), 2, 0.05).permute(3, 2, 0, 1).contiguous()
    return Operation(place, [x, w], lambda x, w: F.conv2d(x, w, padding=k // 2), a["gradient"])


def resize(place, a):
    x = place.tensor((1, a["small"], a["small"], a["channels"]), 1).permute(0, 3, 1, 2).contiguous()
    size = (a["large"], a["large"])
    resized = lambda x: F.interpolate(x, size=size, mode="bilinear", align_corners=False)
    return Operation(place, [x], resized, a["gradient"])


def group_norm(place, a):
    x = place.tensor((1, a["rows"], a["rows"], a["channels"]), 1).permute(0, 3, 1, 2).contiguous()
    inputs = [x, place.tensor((a["channels"],), 2), place.tensor((a["channels"],), 3)]
    return Operation(place, inputs, lambda x, g, b: F.relu(F.group_norm(x, a["groups"], g, b, 1e-5)), a["gradient"])


def batch_norm(place, a):
    x = place.tensor((1, a["rows"], a["rows"], a["channels"]), 1).permute(0, 3, 1, 2).contiguous()
    inputs = [x, place.tensor((a["channels"],), 2), place.tensor((a["channels"],), 3)]
    normed = lambda x, g, b: F.relu(F.batch_norm(x, None, None, g, b, True, 0.1, 1e-5))
    return Operation(place, inputs, normed, a["gradient"])


def gated_silu(place, a):
    return Operation(place, [place.tensor((a["rows"], a["cols"]), 1, 3.0)], swiglu, a["gradient"])


def conv_norm(place, a):
    k, width = a["kernel"], (a["to"],)
    x = place.tensor((1, a["rows"], a["rows"], a["from"]), 1).permute(0, 3, 1, 2).contiguous()
    w = place.tensor((k, k, a["from"], a["to"]), 2, 0.05).permute(3, 2, 0, 1).contiguous()
    facts = [place.tensor(width, 3), place.tensor(width, 4), place.tensor(width, 5), place.tensor(width, 6) + 1.5]
    normed = lambda x, w, weight, bias, mean, var: F.relu(
        F.batch_norm(F.conv2d(x, w, padding=k // 2), mean, var, weight, bias, False, 0.0, 1e-5)
    )
    return Operation(place, [x, w, *facts], normed, a["gradient"])


def sort(place, a):
    x = place.tensor((1, a["values"]), 1)

    def sorted_values(x):
        # ONNX has no sort; the values are the same.
        if torch.onnx.is_in_onnx_export():
            return torch.topk(x, a["values"])[0]
        return torch.sort(x, descending=True, stable=True)[0]

    return Operation(place, [x], sorted_values, False)


class AdamWork:
    """AdamW over the tensors of a transformer's blocks; [in, out] or [out, in] is the same to it."""

    def __init__(self, place, a):
        width = a["width"]
        linear = lambda inputs, outputs: [(inputs, outputs), (outputs,)]
        block = [(width,)] * 6 + linear(width, 3 * width) + linear(width, width)
        block += linear(width, 4 * width) + linear(4 * width, width)
        shapes = block * a["depth"]
        f32 = Place(place.device, torch.float32)
        self.params = [f32.tensor(shape, 2 * at + 1).requires_grad_(True) for at, shape in enumerate(shapes)]
        for at, shape in enumerate(shapes):
            self.params[at].grad = f32.tensor(shape, 2 * at + 2)
        self.optimiser = torch.optim.AdamW(self.params, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
        self.run()
        self.parts = [self.params[at].detach().clone() for at in (0, -2, -1)]

    def run(self):
        self.optimiser.step()


def gemm(place, a):
    size = a["size"]
    inputs = [place.tensor((size, size), 1), place.tensor((size, size), 2)]
    return Operation(place, inputs, torch.matmul, False)


def copy(place, a):
    x = place.tensor((a["values"],), 1)
    y = torch.empty_like(x)
    return Operation(place, [x], lambda x: y.copy_(x), False)


makers = {
    "linear": linear,
    "attention": attention,
    "layerNorm": layer_norm,
    "gelu": gelu,
    "softmax": softmax,
    "conv": conv,
    "resize": resize,
    "groupNorm": group_norm,
    "batchNorm": batch_norm,
    "gatedSilu": gated_silu,
    "convNorm": conv_norm,
    "sort": sort,
    "adam": AdamWork,
    "gemm": gemm,
    "copy": copy,
    "loss": losses.loss,
    "counts": losses.CountsWork,
    "model": dinov2.model_work,
    "train": train.train_work,
}


def prepare(place, kind, args):
    if kind not in makers:
        raise NotImplementedError(f"no {kind} in PyTorch")
    return makers[kind](place, args)
