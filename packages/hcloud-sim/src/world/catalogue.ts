// What can be bought: locations, server types with their prices, stock images. Sizes are those of the products; prices are this simulator's own.

export interface LocationEntry {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly country: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly zone: string;
}

export const LOCATIONS: readonly LocationEntry[] = [
  place(1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
  place(2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
  place(3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
  place(4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
  place(5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
  place(6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"),
];

const EUROPE = ["fsn1", "nbg1", "hel1"] as const;

export interface Deprecation {
  readonly announced: string;
  readonly unavailableAfter: string;
}

export interface TypeEntry {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly diskGb: number;
  readonly cpuType: "shared" | "dedicated";
  readonly architecture: "x86" | "arm";
  /** Where it is sold. */
  readonly locations: readonly string[];
  /** Euro an hour before tax. */
  readonly hourly: number;
  readonly deprecation: Deprecation | undefined;
}

const OLD_CX: Deprecation = { announced: "2025-10-16T06:00:00+00:00", unavailableAfter: "2025-12-31T06:00:00+00:00" };

export const SERVER_TYPES: readonly TypeEntry[] = [
  ...[
    [104, "cx22", 2, 4, 40, 0.006],
    [105, "cx32", 4, 8, 80, 0.0109],
    [106, "cx42", 8, 16, 160, 0.0263],
    [107, "cx52", 16, 32, 320, 0.052],
  ].map((row) => costOptimized(row, OLD_CX)),
  ...[
    [114, "cx23", 2, 4, 40, 0.0056],
    [115, "cx33", 4, 8, 80, 0.0088],
    [116, "cx43", 8, 16, 160, 0.0152],
    [117, "cx53", 16, 32, 320, 0.0281],
  ].map((row) => costOptimized(row, undefined)),
  arm(45, "cax11", 2, 4, 40, 0.0061),
  arm(93, "cax21", 4, 8, 80, 0.0104),
  arm(94, "cax31", 8, 16, 160, 0.02),
  arm(95, "cax41", 16, 32, 320, 0.0393),
  {
    ...{ id: 96, name: "ccx13", description: "CCX13 Dedicated CPU", category: "general_purpose", cores: 2, memoryGb: 8, diskGb: 80 },
    ...{ cpuType: "dedicated", architecture: "x86", locations: LOCATIONS.map(({ name }) => name), hourly: 0.02, deprecation: undefined },
  },
];

export interface StockImage {
  readonly name: string;
  readonly description: string;
  readonly osFlavor: string;
  readonly osVersion: string;
}

export const STOCK_IMAGES: readonly StockImage[] = [
  { name: "debian-12", description: "Debian 12", osFlavor: "debian", osVersion: "12" },
  { name: "debian-13", description: "Debian 13", osFlavor: "debian", osVersion: "13" },
  { name: "ubuntu-24.04", description: "Ubuntu 24.04", osFlavor: "ubuntu", osVersion: "24.04" },
];

export const CURRENCY = "EUR";
/** Percent. */
export const VAT_RATE = 19;
/** Euro for a GB of snapshot a month, before tax. */
export const IMAGE_GB_MONTH = 0.011;
/** Hours after which a month's price is reached. */
const HOURS_OF_A_MONTH = 624;

export function typeNamed(idOrName: number | string): TypeEntry | undefined {
  return SERVER_TYPES.find(({ id, name }) => name === idOrName || String(id) === String(idOrName));
}

export function locationNamed(idOrName: number | string): LocationEntry | undefined {
  return LOCATIONS.find(({ id, name }) => name === idOrName || String(id) === String(idOrName));
}

/** Prices are strings with ten decimals, as the API has them. */
export function price(net: number): { net: string; gross: string } {
  return { net: net.toFixed(10), gross: (net * (1 + VAT_RATE / 100)).toFixed(10) };
}

export function monthly(hourly: number): number {
  return hourly * HOURS_OF_A_MONTH;
}

function place(
  ...[id, name, description, country, city, latitude, longitude, zone]: [number, string, string, string, string, number, number, string]
): LocationEntry {
  return { id, name, description, country, city, latitude, longitude, zone };
}

function costOptimized(row: readonly (string | number)[], deprecation: Deprecation | undefined): TypeEntry {
  const [id, name, cores, memoryGb, diskGb, hourly] = row as [number, string, number, number, number, number];
  const description = name.toUpperCase();
  return {
    ...{ id, name, description, category: "cost_optimized", cores, memoryGb, diskGb, hourly, deprecation },
    ...{ cpuType: "shared", architecture: "x86", locations: EUROPE },
  };
}

function arm(id: number, name: string, cores: number, memoryGb: number, diskGb: number, hourly: number): TypeEntry {
  const description = name.toUpperCase();
  return {
    ...{ id, name, description, category: "cost_optimized", cores, memoryGb, diskGb, hourly, deprecation: undefined },
    ...{ cpuType: "shared", architecture: "arm", locations: EUROPE },
  };
}
