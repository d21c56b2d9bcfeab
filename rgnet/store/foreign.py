"""What to say of a file without a seal, from its first bytes: which kind it is, whether it was cut short.

A file that another program wrote is no damaged file, and its owner is not told to delete it.
"""

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD = 64  # bytes: as much of the superblock as is looked at


def kind(head: bytes, size: int) -> str:
    """What a file is that does not begin as HDF5."""
    if size == 0:
        return "it is empty"
    if head[:4] in (b"CDF\x01", b"CDF\x02", b"CDF\x05"):
        return "it is netCDF-3, which xarray.open_dataset reads"
    if head[:2] == b"PK":
        return "it is a zip archive"
    if not any(head):
        return f"{size} bytes, the first of them zero"
    return f"{size} bytes"


def without_seal(head: bytes, size: int, seal_size: int) -> str:
    """Whether an HDF5 file without a seal was cut short or comes from elsewhere, by the length that it announces."""
    length = announced_length(head)
    again = "copy it anew from where it is whole, or, if rgnet wrote it, compute the point again"
    if length is None or size < length:
        whole = "its head is damaged" if length is None else f"of {length} that it announces"
        return f"does not end with rgnet's seal: it was cut short ({size} bytes are left, {whole}); {again}"
    if 0 < size - length <= seal_size:
        return f"does not end with rgnet's seal: its last line was cut short or damaged; {again}"
    return (
        "does not end with rgnet's seal: another program wrote it, or something was cut off or added at its end; read "
        "it with h5py or xarray.open_dataset, or, if rgnet wrote it, compute the point again"
    )


def announced_length(head: bytes) -> int | None:
    """The length that the superblock of an HDF5 file tells (format specification 3.0, section II.A), or None."""
    if len(head) < HEAD or not head.startswith(SIGNATURE):
        return None
    place = {0: (13, 40), 1: (13, 44), 2: (9, 28), 3: (9, 28)}.get(head[8])
    if place is None or head[place[0]] != 8:  # bytes of an address
        return None
    return int.from_bytes(head[place[1] : place[1] + 8], "little")
