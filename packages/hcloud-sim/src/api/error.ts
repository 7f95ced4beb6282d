// The API's errors: code, HTTP status, text. A client matches on the code; only 409, 412, 422, 423 and 429 are documented as statuses.

/** Codes that this simulator answers with or that a fault may name, with the status that goes with each. */
export const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  json_error: 400,
  unauthorized: 401,
  forbidden: 403,
  token_readonly: 403,
  resource_limit_exceeded: 403,
  not_found: 404,
  conflict: 409,
  uniqueness_error: 409,
  resource_in_use: 409,
  server_not_stopped: 409,
  deprecated_api_endpoint: 410,
  resource_unavailable: 412,
  placement_error: 412,
  invalid_input: 422,
  invalid_server_type: 422,
  unsupported_error: 422,
  locked: 423,
  protected: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
  service_error: 500,
  unknown_error: 500,
  bad_gateway: 502,
  maintenance: 503,
  unavailable: 503,
  timeout: 504,
};

export const TEXT_OF_CODE: Readonly<Record<string, string>> = {
  resource_unavailable: "error during placement",
  placement_error: "error during placement",
  resource_limit_exceeded: "server limit exceeded",
  conflict: "the resource has changed during the request, please retry",
  uniqueness_error: "server name is already used",
  locked: "server is locked",
  protected: "resource is protected",
  server_error: "an internal server error occurred",
  service_error: "a service error occurred",
  bad_gateway: "the request could not be answered by the API backend, please retry",
  maintenance: "the API is under maintenance",
  timeout: "the request could not be answered in time, please retry",
  unauthorized: "unable to authenticate",
  token_readonly: "the token is only allowed to perform GET requests",
  forbidden: "insufficient permissions for this request",
};

/** Thrown by handlers, answered as `{error: {code, message, details}}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  readonly status: number;
  readonly details: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message?: string,
    more: { readonly details?: unknown; readonly status?: number | undefined; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message ?? TEXT_OF_CODE[code] ?? code);
    this.code = code;
    this.status = more.status ?? STATUS_OF_CODE[code] ?? 500;
    this.details = more.details ?? {};
    this.headers = more.headers ?? {};
  }

  get body(): { readonly error: { readonly code: string; readonly message: string; readonly details: unknown } } {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

/** `invalid_input` about one field. */
export function invalid(field: string, message: string): ApiError {
  return new ApiError("invalid_input", `invalid input in field '${field}'`, {
    details: { fields: [{ name: field, messages: [message] }] },
  });
}

export function notFound(what: string, id: number | string): ApiError {
  return new ApiError("not_found", `${what} with ID '${id}' not found`);
}
