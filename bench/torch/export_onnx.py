"""Writes the graph of a task as ONNX, as torch exports it: python3 export_onnx.py task.json file.onnx

The first input of the task is the graph's input "x", all else lies in the graph as constants. Beside the graph stand the
values of the input (file.onnx.input) and how to read input and output (file.onnx.json).
"""

import json
import os
import sys

import torch

import dinov2
import tasks

with open(sys.argv[1], encoding="utf8") as file:
    task = json.load(file)
path = sys.argv[2]
work = tasks.prepare(tasks.Place("cpu", torch.float32), task["kind"], task["args"])
is_model = task["kind"] == "model"


class Graph(torch.nn.Module):
    def __init__(self):
        super().__init__()
        constants = work.weights if is_model else dict(enumerate(work.inputs[1:]))
        self.names = list(constants)
        for index, name in enumerate(self.names):
            self.register_buffer(f"w{index}", constants[name].detach())

    def forward(self, x):
        values = [getattr(self, f"w{index}") for index in range(len(self.names))]
        if is_model:
            return dinov2.forward(dict(zip(self.names, values)), x, work.depth, work.heads)
        return work.forward(x, *values)


x = work.images if is_model else work.inputs[0].detach()
with torch.no_grad():
    y = Graph()(x)
facts = {
    "inputShape": list(x.shape),
    # Images are NCHW in the graph and NHWC on the other sides.
    "outputNchw": list(y.shape) if y.dim() == 4 else None,
    # The other sides compare patches, without the class token.
    "skipValues": y.shape[-1] if is_model else 0,
}
x.numpy().tofile(path + ".input")
with open(path + ".json", "w", encoding="utf8") as file:
    json.dump(facts, file)
torch.onnx.export(Graph(), (x,), path + ".tmp", input_names=["x"], output_names=["y"], opset_version=17)
os.replace(path + ".tmp", path)
