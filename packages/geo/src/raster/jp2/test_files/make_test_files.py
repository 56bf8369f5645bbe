"""Makes the JPEG 2000 files of this folder with GDAL (JP2OpenJPEG): python3 make_test_files.py

The pixels follow a formula that jp2_files.test.ts repeats; only lossy.jp2 is compared with what GDAL reads (its SHA-256).
"""

import hashlib

import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
gdal.SetConfigOption("GDAL_PAM_ENABLED", "NO")
WIDTH, HEIGHT = 90, 70


def pixels(band, dtype):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    value = 50 * band + (x * x + 3 * y * y + 7 * x * y) // 8 % 151
    return (value * 20 - (2000 if dtype == np.int16 else 0) if dtype != np.uint8 else value % 256).astype(dtype)


def make(name, options, bands=1, dtype=np.uint16, epsg=32645, palette=False, lossless=True):
    types = {np.uint8: gdal.GDT_Byte, np.uint16: gdal.GDT_UInt16, np.int16: gdal.GDT_Int16}
    source = gdal.GetDriverByName("MEM").Create("", WIDTH, HEIGHT, bands, types[dtype])
    for band in range(bands):
        source.GetRasterBand(band + 1).WriteArray(pixels(band, dtype))
    if "PRECINCTS={16,16},{8,8}" in options:
        # Red, green and blue go through the reversible colour transform.
        for band in range(3):
            source.GetRasterBand(band + 1).SetColorInterpretation(gdal.GCI_RedBand + band)
    if palette:
        table = gdal.ColorTable()
        for entry in range(256):
            table.SetColorEntry(entry, (entry, 255 - entry, entry // 2, 255))
        source.GetRasterBand(1).SetColorTable(table)
    degrees = epsg == 4326
    source.SetGeoTransform([86, 0.25, 0, 28, 0, -0.5] if degrees else [500000, 10, 0, 3000000, 0, -20])
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(epsg)
    source.SetProjection(reference.ExportToWkt())
    options = ["REVERSIBLE=" + ("YES" if lossless else "NO"), "QUALITY=" + ("100" if lossless else "20"), *options]
    gdal.GetDriverByName("JP2OpenJPEG").CreateCopy(name, source, options=options)
    read = gdal.Open(name).ReadAsArray().reshape(bands, HEIGHT, WIDTH)
    same = all(np.array_equal(read[band], pixels(band, dtype)) for band in range(bands))
    print(name, same, hashlib.sha256(read.tobytes()).hexdigest())


tiles = ["BLOCKXSIZE=32", "BLOCKYSIZE=32", "RESOLUTIONS=3"]
odd = ["BLOCKXSIZE=37", "BLOCKYSIZE=33", "RESOLUTIONS=3"]
for order in ["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"]:
    make(f"{order.lower()}.jp2", [*odd, f"PROGRESSION={order}"])
parts = ["TILEPARTS=RESOLUTIONS", "PRECINCTS={16,16},{8,8}", "PROGRESSION=RPCL"]
make("rgb_parts.jp2", [*tiles, *parts], bands=3, dtype=np.uint8)
make("components.jp2", [*odd, "TILEPARTS=COMPONENTS", "PROGRESSION=CPRL"], bands=3)
make("layers.jp2", [*tiles, "TILEPARTS=LAYERS", "SOP=YES", "EPH=YES"])
make("signed.jp2", [*odd, "GEOBOXES_AFTER_JP2C=YES"], dtype=np.int16)
make("twelve_bits.jp2", [*tiles, "NBITS=12", "GMLJP2=NO"], epsg=32733)
make("palette.jp2", tiles, dtype=np.uint8, palette=True)
make("bare.j2k", [*tiles, "CODEC=J2K"])
make("gml_3035.jp2", [*tiles, "GeoJP2=NO"], epsg=3035)
make("gml2_4326.jp2", [*tiles, "GeoJP2=NO", "GMLJP2V2_DEF=YES"], epsg=4326)
make("lossy.jp2", odd, lossless=False)
make("four_components.jp2", tiles, bands=4, dtype=np.uint8)
