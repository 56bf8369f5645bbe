export { beginCog } from "./cog/begin_cog.js";
export type { CogCompression, CogDtype, CogOptions, CogWriter, OverviewMethod } from "./cog/cog_options.js";
export { crsFromEpsg, isSameCrs, metricCrsAt, type UtmZone, utmCrsAt, utmZoneOf, WGS84 } from "./crs/crs.js";
export { type LonLatBounds, lonLatBounds } from "./crs/lon_lat_bounds.js";
export { projector, reprojectPolygons } from "./crs/projector.js";
export { gridBounds, isNorthUp, mapToPixel, pixelArea, pixelToMap, windowGrid } from "./grid.js";
export {
  centroid,
  geodesicArea,
  geodesicPerimeter,
  planarArea,
  planarPerimeter,
  signedArea,
} from "./measure/areas.js";
export {
  intersectPolygons,
  type PolygonOverlap,
  polygonOverlap,
  subtractPolygons,
  unitePolygons,
} from "./measure/clip_polygons.js";
export {
  type ElevationOptions,
  type ElevationStatistics,
  elevationStatistics,
} from "./measure/elevation_statistics.js";
export { geodesicCentroid, localPlaneAt } from "./measure/geodesic_centroid.js";
export {
  convexHull,
  type LakeExtent,
  lakeExtent,
  type OrientedRectangle,
  orientedRectangle,
} from "./measure/oriented_rectangle.js";
export { isInPolygon, isInPolygons, isInRing } from "./measure/point_in_polygon.js";
export { pointOnSurface } from "./measure/point_on_surface.js";
export { frechetDistance, hausdorffDistance, type RingDistanceOptions } from "./measure/ring_distances.js";
export { type SmoothOutlineOptions, smoothOutline } from "./measure/smooth_outline.js";
export { splitAtAntimeridian } from "./measure/split_antimeridian.js";
export { distanceTransform } from "./morphology/distance_transform.js";
export { closeMask, dilate, erode, type MorphologyOptions, openMask } from "./morphology/erode_dilate.js";
export {
  type FillHolesOptions,
  fillHoles,
  type RemoveSmallRegionsOptions,
  removeSmallRegions,
} from "./morphology/regions.js";
export { type MosaicOptions, type MosaicRule, type MosaicScene, mosaic } from "./mosaic/mosaic.js";
export {
  beginPolygonize,
  type PolygonizeOptions,
  type Polygonizer,
  polygonizeMask,
} from "./outline/begin_polygonize.js";
export { type Components, type Connectivity, labelComponents } from "./outline/label_components.js";
export type { LakeOutline } from "./outline/lake_outline.js";
export {
  beginPolygonizeLabels,
  type LabelOutline,
  type LabelPolygonizer,
  type PolygonizeLabelsOptions,
  polygonizeLabels,
} from "./outline/polygonize_labels.js";
export {
  type PolygonizeRasterOptions,
  polygonizeRaster,
  streamOutlines,
} from "./outline/polygonize_raster.js";
export type { CubeAttribute } from "./raster/cube/cube_store.js";
export type { VariableInfo } from "./raster/cube/cube_variables.js";
export { listVariables } from "./raster/list_variables.js";
export { type OpenRasterOptions, openRaster, type RasterInput } from "./raster/open_raster.js";
export { type ReadReducedOptions, readReduced } from "./raster/read_reduced.js";
export { rowStrips } from "./raster/row_strips.js";
export { type VisitWindowOptions, visitWindow, type WindowPiece } from "./raster/visit_window.js";
export type { TerrainEdges } from "./terrain/dem_part.js";
export {
  type RuggednessMethod,
  type SlopeMethod,
  TERRAIN_FEATURES,
  type TerrainFeature,
} from "./terrain/feature_formulas.js";
export { type ShadowOptions, shadowMask } from "./terrain/shadow_mask.js";
export { type ShadowRasterOptions, shadowRaster } from "./terrain/shadow_raster.js";
export { azimuthOnGrid, type SunPosition } from "./terrain/sun.js";
export { type TerrainOptions, terrainFeatures } from "./terrain/terrain_features.js";
export { type TerrainRasterOptions, terrainRaster } from "./terrain/terrain_raster.js";
export * from "./types.js";
export { type AreasOnGrid, areasOnGrid, lonLatBox } from "./vector/areas_on_grid.js";
export { parseFlatGeobuf, readFlatGeobuf } from "./vector/flatgeobuf/read_flatgeobuf.js";
export {
  type FlatGeobufOptions,
  formatFlatGeobuf,
  writeFlatGeobuf,
} from "./vector/flatgeobuf/write_flatgeobuf.js";
export type { ColumnType } from "./vector/geopackage/columns.js";
export { parseGeoPackage, readGeoPackage } from "./vector/geopackage/read_geopackage.js";
export type { StreamedLayer, VectorLayer } from "./vector/geopackage/vector_layer.js";
export {
  formatGeoPackage,
  type GeoPackageOptions,
  writeGeoPackage,
} from "./vector/geopackage/write_geopackage.js";
export type { HasGeometry } from "./vector/has_geometry.js";
export { polygonCoverage } from "./vector/polygon_coverage.js";
export type { RasterizeOptions, RasterizeRule } from "./vector/rasterize_polygons.js";
export { rasterizePolygons } from "./vector/rasterize_polygons.js";
export { type FeatureTable, parseGeoJson, readGeoJson } from "./vector/read_geojson.js";
export { parseVectors, type ReadVectorsOptions, readVectors } from "./vector/read_vectors.js";
export { parseShapefile, type ShapefileParts } from "./vector/shapefile/parse_shapefile.js";
export {
  formatQml,
  type GraduatedStyle,
  LAKES_BY_AREA,
  LAKES_BY_PROBABILITY,
  type StyleClass,
  writeQml,
} from "./vector/styles/qml.js";
export { type CsvOptions, formatCsv, toWkt, writeCsv } from "./vector/write_csv.js";
export { formatGeoJson, type GeoJsonOptions, writeGeoJson } from "./vector/write_geojson.js";
export { type VectorFormat, vectorFormatOf, writeVectors } from "./vector/write_vectors.js";
export type { WarpResampling } from "./warp/kernels.js";
export { type SuggestGridOptions, suggestGrid } from "./warp/suggest_grid.js";
export { type RowStrip, type WarpRasterOptions, warpRaster } from "./warp/warp_raster.js";
export { type WarpOptions, warpedRaster } from "./warp/warped_raster.js";
