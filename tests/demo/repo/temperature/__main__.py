"""python3 -m temperature VALUE FROM TO"""

import sys

from temperature import convert

if len(sys.argv) != 4:
    sys.exit(__doc__)
print(f"{convert(float(sys.argv[1]), sys.argv[2], sys.argv[3]):g}")
