import type {
  DescEnum,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

/** States a generated file descriptor in the words of `ContractTable.facts`. */
export function descriptorFacts(file: DescFile): readonly string[] {
  const name = (type: { readonly typeName: string }) =>
    type.typeName.replace(`${file.proto.package}.`, "");
  const facts = [`package ${file.proto.package}`];

  const addMessage = (message: DescMessage): void => {
    const owner = `message ${name(message)}`;
    facts.push(owner, ...message.fields.map((field) => `${owner}: ${fieldFact(field, name)}`));
    message.nestedMessages.forEach(addMessage);
    message.nestedEnums.forEach(addEnum);
  };
  const addEnum = (type: DescEnum): void => {
    const owner = `enum ${name(type)}`;
    facts.push(owner, ...type.values.map((value) => `${owner}: ${value.number} ${value.name}`));
  };
  const addService = (service: DescService): void => {
    const owner = `service ${name(service)}`;
    facts.push(owner, ...service.methods.map((rpc) => `${owner}: ${methodFact(rpc, name)}`));
  };

  file.messages.forEach(addMessage);
  file.enums.forEach(addEnum);
  file.services.forEach(addService);
  return facts.sort();
}

type Namer = (type: { readonly typeName: string }) => string;

function fieldFact(field: DescField, name: Namer): string {
  const words = [String(field.number), field.name, fieldType(field, name)];
  if (field.fieldKind === "list") words.push("repeated");
  if (field.fieldKind === "list" && field.packed) words.push("packed");
  if (field.oneof !== undefined) words.push("oneof", field.oneof.name);
  if (field.proto.proto3Optional) words.push("optional");
  return words.join(" ");
}

function fieldType(field: DescField, name: Namer): string {
  if (field.message !== undefined) return name(field.message);
  if (field.enum !== undefined) return name(field.enum);
  if (field.scalar === undefined) throw new Error(`${field} is of a kind no table has`);
  return ScalarType[field.scalar].toLowerCase();
}

function methodFact(method: DescMethod, name: Namer): string {
  const streamsIn = method.methodKind === "client_streaming" || isBidi(method);
  const streamsOut = method.methodKind === "server_streaming" || isBidi(method);
  const request = `${streamsIn ? "stream " : ""}${name(method.input)}`;
  const response = `${streamsOut ? "stream " : ""}${name(method.output)}`;
  return `rpc ${method.name} ${request} -> ${response}`;
}

function isBidi(method: DescMethod): boolean {
  return method.methodKind === "bidi_streaming";
}
