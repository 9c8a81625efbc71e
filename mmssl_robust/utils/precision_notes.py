"""What a reader of numbers must be told of the precision."""

_NOTES = {
    'fast-fp32': 'examples made in fp32 with matrix products by oneDNN',
    'bf16': 'examples made in bf16, scored in fp32',
    'fp16': 'examples made in fp16, scored in fp32',
}


def precision_note(precision: str) -> str:
    """What to say of a precision, without a full stop; nothing for fp32."""
    return _NOTES.get(precision, '')
