"""Whether structures of an HDF5 file are ones that HDF5 can follow, asked before it meets them.

HDF5 (2.0 as well) follows what a file says with little doubt. In a global heap, where text lies, it walks from object
to object by their sizes, for ever where a free one has size 0; it divides by the sizes in the heads of B-trees and
fractal heaps, which hold links and attributes where they are many, and dies where those are 0. No handler catches
either, so such a file must not reach it. They lie anywhere in a file and are looked for by their first bytes:

    heap   "GCOL", version 1 (1 byte), reserved (3), size (8), objects to its end
    object index (2; 0 is free space), references (2), reserved (4), size (8), data, padded to multiples of 8
    B-tree "BTHD", version 0 (1), type (1), size of a node (4), of a record (2), depth (2), percentages at which nodes
           are split and merged (1, 1), root (8), records in it (2) and in all (8), checksum (4)
    fractal heap "FRHP", version 0 (1), how objects are named and filtered (9), 12 numbers (96), width of its table (2),
           sizes of its first and largest blocks (8, 8), bits of its length (2), rows (2), root (8), rows (2), checksum

Compressed numbers hold the first bytes by chance about once in a terabyte; that a size follows that fits into the file,
or the right checksum, is a matter of ages. rgnet leaves the sizes of B-trees and fractal heaps to HDF5, so they are
always the same.

Sources: HDF5 File Format Specification 3.0, sections III.A.2, III.E and III.G; B. Jenkins, lookup3.c (2006), the
checksum.
"""

HEAP, TREE, FRACTAL = b"GCOL\x01", b"BTHD\x00", b"FRHP\x00"
OVERLAP = 4  # bytes that a mark may begin before a block
_HEAD = 16  # bytes before the first object of a heap, and before the data of each
_SIZES = {TREE: 34, FRACTAL: 142}  # before their checksums
_RECORDS = {5: 11, 6: 15, 8: 17, 9: 13}  # links by name and by order, attributes by name and by order: bytes
_NODE = 512
_SPLIT_AND_MERGE = bytes([100, 40])
# Names and filters, width of the table, first and largest block, first rows: bits of the length of links', attributes'
_FRACTALS = {
    tuple(map(bytes.fromhex, ("070000000200100000", "0400", "0002000000000000", "0000010000000000", "0100"))): 32,
    tuple(map(bytes.fromhex, ("080000000200100000", "0400", "0004000000000000", "0000010000000000", "0100"))): 40,
}
_MOST_DEPTH = 16


def marks(block: bytes, start: int) -> list[int]:
    """Places in the file of what may be such structures, in a block of it that begins at ``start``."""
    found = []
    for mark in (HEAP, TREE, FRACTAL):
        place = block.find(mark)
        while place >= 0:
            found.append(start + place)
            place = block.find(mark, place + 1)
    return found


def length(head: bytes) -> int:
    """Size of the structure that begins with these 16 bytes."""
    return int.from_bytes(head[8:_HEAD], "little") if head.startswith(HEAP) else _SIZES[head[:5]] + 4


def is_sound(structure: bytes) -> bool:
    """Whether HDF5 can follow it, or will itself refuse it."""
    if structure.startswith(HEAP):
        return _can_be_walked(structure)
    size = _SIZES[structure[:5]]
    if checksum(structure[:size]) != int.from_bytes(structure[size : size + 4], "little"):
        return True  # HDF5 refuses it
    return _is_usual_tree(structure) if structure.startswith(TREE) else _is_usual_fractal(structure)


def first_unsound(image: bytes) -> int | None:
    """Place of the first structure of a whole file that HDF5 cannot follow, or None."""
    for place in sorted(marks(image, 0)):
        end = place + length(image[place : place + _HEAD])
        if end <= len(image) and not is_sound(image[place:end]):
            return place
    return None


def _can_be_walked(heap: bytes) -> bool:
    """Whether the sizes of the objects lead from the head of a heap exactly to its end."""
    place = _HEAD
    while place + _HEAD <= len(heap):
        index = int.from_bytes(heap[place : place + 2], "little")
        size = int.from_bytes(heap[place + 8 : place + _HEAD], "little")
        step = _HEAD + (size + 7) // 8 * 8 if index else size  # the size of free space includes its head
        if step < _HEAD:
            return False
        place += step
    return place <= len(heap)


def _is_usual_tree(head: bytes) -> bool:
    node, record, depth = (int.from_bytes(head[a:b], "little") for a, b in ((6, 10), (10, 12), (12, 14)))
    is_usual = node == _NODE and record == _RECORDS.get(head[5]) and head[14:16] == _SPLIT_AND_MERGE
    return is_usual and depth <= _MOST_DEPTH


def _is_usual_fractal(head: bytes) -> bool:
    bits = _FRACTALS.get((head[5:14], head[110:112], head[112:120], head[120:128], head[130:132]))
    return bits == int.from_bytes(head[128:130], "little") and int.from_bytes(head[140:142], "little") <= bits


def checksum(data: bytes) -> int:
    """Jenkins' lookup3 (hashlittle with initial value 0), which guards HDF5's own structures."""
    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    blocks = [data[start : start + 12].ljust(12, b"\0") for start in range(0, len(data), 12)]
    for number, block in enumerate(blocks):
        a, b, c = (
            (value + int.from_bytes(block[4 * k : 4 * k + 4], "little")) & 0xFFFFFFFF
            for k, value in enumerate((a, b, c))
        )
        if number < len(blocks) - 1:
            for turn in (4, 6, 8, 16, 19, 4):
                a = ((a - c) ^ _rotated(c, turn)) & 0xFFFFFFFF
                a, b, c = b, (c + b) & 0xFFFFFFFF, a
        else:
            for turn in (14, 11, 25, 16, 4, 14, 24):
                c = ((c ^ b) - _rotated(b, turn)) & 0xFFFFFFFF
                a, b, c = b, c, a
            c = b  # the last to be mixed
    return c


def _rotated(value: int, turn: int) -> int:
    return (value << turn | value >> (32 - turn)) & 0xFFFFFFFF
