// The service's clock, kept between its messages by the browser's monotonic one: the browser's own date may
// be wrong, and an age must never be.

export class ServiceClock {
  #service_ms = 0;
  #monotonic_ms = 0;
  isSet = false;

  /**
   * Takes the service's time as it stood at the browser's monotonic instant.
   * @param {number} service_ms
   * @param {number} monotonic_ms
   */
  set(service_ms, monotonic_ms) {
    this.#service_ms = service_ms;
    this.#monotonic_ms = monotonic_ms;
    this.isSet = true;
  }

  /**
   * The service's time now.
   * @param {number} monotonic_ms
   */
  at(monotonic_ms) {
    return this.#service_ms + (monotonic_ms - this.#monotonic_ms);
  }
}
