/** Endpoints, as S3_ENDPOINTS has them. Pure, and apart from the table of settings, which VUs are not to load. */

/** The path that a gateway has S3 at: `/s3` of https://host:port/s3, '' of most. */
export const basePathOf = (endpoint: string): string => endpoint.replace(/^\w+:\/\/[^/]*/, '');
