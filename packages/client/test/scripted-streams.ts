import type { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import {
  type ClientTransport,
  InboundStream,
  type TransportAnswer,
  type TransportMethod,
  type TransportStreamInputs,
  type TransportStreamKind,
  type TransportStreamMessages,
  type TransportStreamOptions,
  type TransportStreamRequestOf,
} from "../src/index.js";

/** A stream as the far side sees it. */
export interface OpenedStream<Kind extends TransportStreamKind = TransportStreamKind> {
  readonly address: string;
  readonly request: TransportStreamRequestOf<Kind>;
  readonly stream: InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>;
  readonly canceled: () => boolean;
  /** What the client has sent in it. */
  readonly sent: TransportStreamInputs["watch"][];
}

/** A network of which a test says what each stream brings. Calls are refused by all nodes. */
export class ScriptedStreams implements ClientTransport {
  readonly opened: OpenedStream[] = [];
  /** Called with each stream that is opened. */
  onOpen: (stream: OpenedStream) => void = () => undefined;
  /** Called with what the client sends. */
  onSend: (stream: OpenedStream, input: TransportStreamInputs["watch"]) => void = () => undefined;
  readonly clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  /** The newest stream. */
  get last(): OpenedStream {
    const last = this.opened.at(-1);
    if (last === undefined) throw new Error("no stream was opened");
    return last;
  }

  async call<Method extends TransportMethod>(address: string): Promise<TransportAnswer<Method>> {
    return {
      kind: "failed",
      failure: { kind: "refused", code: "UNIMPLEMENTED", message: address },
    };
  }

  open<Kind extends TransportStreamKind>(
    address: string,
    request: TransportStreamRequestOf<Kind>,
    options: TransportStreamOptions,
  ): InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]> {
    const stream = new InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>({
      ...options,
      address,
      clock: this.clock,
    });
    let canceled = false;
    const nothing = (): void => undefined;
    const cancel = (): void => {
      canceled = true;
    };
    const opened = {
      address,
      request,
      stream,
      canceled: () => canceled,
      sent: [],
    } as unknown as OpenedStream;
    const send = (input: TransportStreamInputs[Kind]): void => {
      opened.sent.push(input);
      this.onSend(opened, input);
    };
    stream.from({ send, pause: nothing, resume: nothing, cancel });
    this.opened.push(opened);
    this.onOpen(opened);
    return stream;
  }

  retain(): void {
    return;
  }

  async close(): Promise<void> {
    for (const { stream } of this.opened) stream.cancel();
  }
}
