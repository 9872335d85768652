/** The release of Lapse that this function belongs to. `lapse doctor` compares it with the database's. */
export const VERSION = "0.2.0";
