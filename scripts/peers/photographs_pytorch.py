"""CIFAR-10 by torchvision, and ResNet-20 in PyTorch, channels-last, with its own DataLoader. Prints one line of JSON."""

import json
import multiprocessing
import os

import common
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import transforms
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import calculate_md5

WORKERS = 2


class Photographs(CIFAR10):
    """Without the MD5 of the files: the bench has written them itself, with the same content in another order."""

    train_list = [[name, None] for name, _ in CIFAR10.train_list]
    test_list = [[name, None] for name, _ in CIFAR10.test_list]
    meta = CIFAR10.meta | {"md5": None}


class Checked(Photographs):
    """With the work of that check: the MD5 of all files, whatever it is."""

    def _check_integrity(self):
        return all([calculate_md5(os.path.join(self.root, self.base_folder, name)) for name, _ in self.train_list + self.test_list])


def load(kind):
    """All images as tensors [n, 3, 32, 32], and their labels."""
    sets = [kind(os.environ["BENCH_PICKLES"], train=train) for train in (True, False)]
    return [(torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(part.targets)) for part in sets]


class Block(nn.Module):
    """Two convolutions; where the channels grow, the way around them drops every second pixel and adds channels of zeros."""

    def __init__(self, before, channels):
        super().__init__()
        self.more = channels - before
        self.stride = 2 if self.more else 1
        self.conv1 = nn.Conv2d(before, channels, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return F.relu(x + y)


def resnet20():
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    blocks = [Block(before, channels) for before, channels in zip(widths, widths[1:])]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def main():
    turns = common.Turns()
    turns.next()
    load_seconds, checked_load_seconds = (common.loads(lambda: load(kind)) for kind in (Photographs, Checked))
    varied = transforms.Compose([transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()])
    photographs = Photographs(os.environ["BENCH_PICKLES"], train=True, transform=varied)
    photographs = torch.utils.data.Subset(photographs, range(common.setting("BENCH_IMAGES")))
    torch.manual_seed(42)
    batches = torch.utils.data.DataLoader(
        photographs, common.setting("BENCH_BATCH_SIZE"), shuffle=True, num_workers=WORKERS, persistent_workers=True
    )
    model = resnet20().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    def epoch():
        """The accuracy while the weights change."""
        hits = 0
        for images, labels in batches:
            optimizer.zero_grad()
            output = model(images.to(memory_format=torch.channels_last))
            F.cross_entropy(output, labels).backward()
            optimizer.step()
            hits += (output.detach().argmax(1) == labels).sum()
        return hits.item() / len(photographs)

    def of_workers():
        return sum(common.private_memory(worker.pid) for worker in multiprocessing.active_children())

    seconds, memory, workers = [], [], []
    for _ in range(common.setting("BENCH_EPOCHS")):
        turns.next()
        accuracy, took = common.seconds(epoch)
        seconds.append(took)
        workers.append(of_workers())
        memory.append(common.memory("VmRSS") + workers[-1])
    numbers = [*model.parameters(), *(buffer for name, buffer in model.named_buffers() if "num_batches" not in name)]
    print(json.dumps({
        "load_seconds": load_seconds,
        "checked_load_seconds": checked_load_seconds,
        "epoch_seconds": seconds,
        "accuracy": accuracy,
        "parameters": sum(number.numel() for number in numbers),
        "peak_memory": common.memory("VmHWM") + max(workers),
        "memory_by_epoch": memory,
    }))


if __name__ == "__main__":  # where workers are started by importing this program again
    main()
