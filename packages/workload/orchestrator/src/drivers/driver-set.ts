// All drivers as one: the component says which of them runs an instance.
import { type TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Releases } from "../catalog/catalog.ts";
import type { ComponentDefinition } from "../catalog/definition.ts";
import type { InstanceState } from "../model.ts";
import type { ConvergeRequest, ConvergeResult, Driver, InstanceHealth } from "./driver.ts";

type DriverName = ComponentDefinition["driver"];

export interface DriverSetParts {
  readonly release: Releases;
  readonly process: Driver;
  readonly file: Driver & { has(target: string): boolean };
}

export class DriverSet implements Driver {
  readonly #parts: DriverSetParts;

  constructor(parts: DriverSetParts) {
    this.#parts = parts;
  }

  async converge(request: ConvergeRequest): Promise<ConvergeResult> {
    const { target, want, previous, jti } = request;
    const before = previous === undefined ? undefined : await this.#driverBefore(target, previous);
    if (want === undefined) return this.#named(before ?? this.#holding(target)).converge(request);
    let driver: DriverName;
    try {
      driver = await this.#driverOf(want);
    } catch (thrown) {
      const error: TriplaneError = toTriplaneError(thrown);
      if (error.code !== "apply_failed") throw error;
      return { ok: false, message: error.message, evidence: { rollback: "untouched" } };
    }
    if (before === undefined || before === driver) return this.#named(driver).converge(request);
    // A component that is now run in another way: what ran before ends when the new is there, and stays if it is not.
    const result = await this.#named(driver).converge({ target, want, previous: undefined, jti });
    if (result.ok) await this.#named(before).converge({ target, want: undefined, previous, jti });
    return result;
  }

  health(target: string): InstanceHealth {
    return this.#named(this.#holding(target)).health(target);
  }

  async #driverOf(state: InstanceState): Promise<DriverName> {
    const { definition } = await this.#parts.release(state.component, state.definition);
    return definition.driver;
  }

  // Its release may be lost while the instance is not.
  #driverBefore(target: string, state: InstanceState): Promise<DriverName> {
    return this.#driverOf(state).catch(() => this.#holding(target));
  }

  #holding(target: string): DriverName {
    return this.#parts.file.has(target) ? "File" : "Process";
  }

  #named(name: DriverName): Driver {
    return name === "File" ? this.#parts.file : this.#parts.process;
  }
}
