import unittest

from temperature import convert


class Conversion(unittest.TestCase):
    def test_kelvin(self):
        self.assertAlmostEqual(convert(0, "K", "C"), -273.15)

    def test_to_celsius(self):
        self.assertAlmostEqual(convert(212, "F", "C"), 100)


if __name__ == "__main__":
    unittest.main()
