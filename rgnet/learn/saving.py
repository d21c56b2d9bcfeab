"""Networks and what was learned, as safetensors files: numbers and names, never code.

A file is an ordinary safetensors file: any tool reads its tensors. Its metadata hold one JSON text (``rgnet``) that
says how they make layers, by names out of a fixed table, and the SHA-256 of both. Nothing is unpickled, and nothing is
imported because a file says so; files of PyTorch's own format (.pt), which are pickles, are refused unread.

Weights of a user's own torch module are kept without its code: to load them, make the module and pass it as ``into``.
"""

import hashlib
import json
import os
from typing import Any

import safetensors
import safetensors.torch

from rgnet import __version__
from rgnet.layers import Network
from rgnet.learn._saving_encode import IntoError, Reader, Tensors, Writer
from rgnet.learn._torch import torch
from rgnet.learn.training import Learned
from rgnet.store import FileError, sealing

__all__ = ["load", "save"]

FORMAT, VERSION = "rgnet.learn", 1
MOST_TEXT = 16 << 20  # bytes of JSON
FOREIGN = {
    b"PK\x03\x04": "a zip archive, as torch.save writes (pickles inside)",
    b"\x89HDF": "an HDF5 file; rgnet.open reads those",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "compressed with gzip",
}


def save(path: str | os.PathLike[str], item: Any) -> None:
    """Write a Network, a layer or a Learned, all or nothing; an older file of that name is replaced at the last moment.

    Parameters
    ----------
    path : str or os.PathLike
        Such as ``"rule.safetensors"``.
    item : Network, layer or Learned
        What `load` gives back, bit for bit. Of a specification that is not rgnet's own the text is kept.

    Raises
    ------
    TypeError
        If something in it cannot be saved; nothing is written then.
    OSError
        If the file cannot be written; an older one is kept.
    """
    writer = Writer()
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION, "rgnet_version": __version__}
    if isinstance(item, Learned):
        head["learned"] = writer.learned(item)
        head["network"] = writer.network(item.network)
    else:
        head["network"] = writer.network(item)
    text = json.dumps(head)
    metadata = {"rgnet": text, "sha256": _digest(text, writer.tensors)}
    sealing.write_bytes(path, safetensors.torch.save(writer.tensors, metadata))


def load(path: str | os.PathLike[str], into: torch.nn.Module | None = None) -> Network | Learned | Any:
    """Read what `save` wrote: a Network, a layer or a Learned.

    Parameters
    ----------
    path : str or os.PathLike
    into : torch.nn.Module, optional
        For networks that `from_torch` made of a module: one made as that was. It is copied, not changed.

    Raises
    ------
    FileNotFoundError
    FileError
        If the file is truncated, damaged, foreign or a pickle, or says what no version of rgnet would. A ValueError.
    ValueError
        If a module is needed and not given, or the weights are from another architecture.
    """
    place = sealing.as_path(path)
    if into is not None and not isinstance(into, torch.nn.Module):
        raise TypeError(f"load(into={into!r}): a torch.nn.Module, made as the saved one was")
    with sealing.opened(place) as stream:
        data = stream.read()
    head, tensors = _parts(data, str(place))
    reader = Reader(tensors, into)
    try:
        network = reader.network(head["network"])
        result = reader.learned(head["learned"], network) if "learned" in head else network
    except IntoError as error:
        raise ValueError(f"{place}: {error}") from error
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError, MemoryError) as error:
        raise FileError(f"{place} does not describe layers that this version of rgnet makes ({error})") from error
    if into is not None and not reader.used_into:
        raise ValueError(
            f"{place} holds no weights of a torch module, so there is nothing to put into; leave into= out"
        )
    return result


def _parts(data: bytes, path: str) -> tuple[dict[str, Any], Tensors]:
    """The JSON and the tensors of a file, once it is sure that `save` wrote them."""
    for magic, words in FOREIGN.items():
        if data.startswith(magic):
            raise FileError(
                f"{path} is {words}, not a safetensors file; nothing is unpickled, give one that save wrote"
            )
    length = int.from_bytes(data[:8], "little")
    if data[:1] == b"\x80" and not data[8:9] == b"{":
        raise FileError(f"{path} is a pickle, which can run any code and is never read; give a file that save wrote")
    if len(data) < 9 or data[8:9] != b"{":
        raise FileError(f"{path} is not a safetensors file; give one that save wrote")
    if length > len(data) - 8:
        raise FileError(f"{path} is truncated: {len(data)} bytes are there, its head alone announces {8 + length}")
    try:
        text = json.loads(data[8 : 8 + length])["__metadata__"]["rgnet"]
        sealed = json.loads(data[8 : 8 + length])["__metadata__"]["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(
            f"{path} was not written by rgnet.learn.save: it has no description of layers; plain weights are read by "
            f"safetensors.torch.load_model"
        ) from error
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise FileError(f"{path} describes its layers in no text of at most {MOST_TEXT} characters")
    try:
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise FileError(f"{path} is truncated or damaged ({error}); copy it anew from where it is whole") from error
    if sealed != _digest(text, tensors):
        raise FileError(f"{path} is damaged: its SHA-256 is not the one it was written with; copy it anew")
    try:
        head = json.loads(text)
        form, version = head["format"], head["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(f"{path} has a description of its layers that cannot be read ({error})") from error
    if form != FORMAT or version != VERSION:
        raise FileError(f"{path} is of format {form!r}, version {version!r}: this rgnet reads {FORMAT} {VERSION}")
    return head, tensors


def _digest(text: str, tensors: Tensors) -> str:
    result = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        item = tensors[name].contiguous()
        result.update(json.dumps([name, str(item.dtype), list(item.shape)]).encode())
        data: Any = item.reshape(-1).view(torch.uint8).numpy()
        result.update(data)
    return result.hexdigest()
