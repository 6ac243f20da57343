"""Hold our fields against tshark's: `python -m bench.oracle CORPUS`, from the root of the checkout.

``CORPUS/oracle/fields.tsv`` says which of tshark's fields, ``vectors/oracle/*.tsv`` which of ours stand for them.

Rule 1: every value of every frame of every capture counts; nothing is sampled, bounded or left out.
Rule 2: values are compared as multisets per capture and field. Whether a value stood in the same frame is counted too,
but decides nothing: tshark shows a message that spans segments in the last of them, and so do we only mostly.
Rule 3: what we keep only sealed or cut is compared so: the value of tshark is sealed or cut first (``values``).
Rule 4: an explained difference stays a difference in the raw figures, and is counted apart.
"""
