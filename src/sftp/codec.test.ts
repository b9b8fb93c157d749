import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLimits, decodeSpace, encodeLimits, encodeSpace } from './extensions.ts';
import { MAX_PACKET_LENGTH, SftpError } from './index.ts';
import { packetReader, packetWriter } from './packet.ts';
import { dataPacket, decodeReply, encodeReply, entryLength, type Reply } from './replies.ts';
import { decodeRequest, EXTENSIONS, encodeRequest, encodeWriteHeader, type Request } from './requests.ts';
import { decodeInit, decodeVersion, encodeInit, encodeVersion } from './versions.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const uint64 = fc.maxSafeNat();
const path = fc.string({ unit: 'grapheme', maxLength: 40 });
const handle = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes));
const data = fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes));
const attributes = fc.record(
  {
    size: uint64,
    owner: fc.record({ uid: uint32, gid: uint32 }),
    mode: uint32,
    times: fc.record({ accessed: uint32, modified: uint32 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const of = <Name extends string>(...names: Name[]) => fc.constantFrom(...names);
const request: fc.Arbitrary<Exclude<Request, { type: 'unknown' }>> = fc.oneof(
  fc.record({ id: uint32, type: of('open'), path, flags: uint32, attributes }),
  fc.record({ id: uint32, type: of('close', 'fstat', 'readdir', 'fsync', 'fstatvfs'), handle }),
  fc.record({ id: uint32, type: of('read'), handle, offset: uint64, length: uint32 }),
  fc.record({ id: uint32, type: of('write'), handle, offset: uint64, data }),
  fc.record({
    id: uint32,
    type: of('stat', 'lstat', 'opendir', 'remove', 'rmdir', 'realpath', 'readlink', 'statvfs'),
    path,
  }),
  fc.record({ id: uint32, type: of('setstat', 'mkdir'), path, attributes }),
  fc.record({ id: uint32, type: of('fsetstat'), handle, attributes }),
  fc.record({ id: uint32, type: of('rename', 'posix-rename'), from: path, to: path }),
  fc.record({ id: uint32, type: of('symlink'), target: path, path }),
  fc.record({ id: uint32, type: of('limits') }),
);
const entry = fc.record({ name: path, longname: path, attributes });
const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({ id: uint32, type: of('status'), code: uint32, message: path }),
  fc.record({ id: uint32, type: of('handle'), handle }),
  fc.record({ id: uint32, type: of('data'), data }),
  fc.record({ id: uint32, type: of('name'), entries: fc.array(entry, { maxLength: 5 }) }),
  fc.record({ id: uint32, type: of('attributes'), attributes }),
  fc.record({ id: uint32, type: of('extended'), body: data }),
);
const SEEDED = { seed: 5, numRuns: 2000 };

/** The packet behind its length field, which must be right. */
function unframe(packet: Buffer): Buffer {
  expect(packet.readUInt32BE()).toBe(packet.length - 4);
  return packet.subarray(4);
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof SftpError ? error.code : `${error}`;
  }
}

describe('requests and replies', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(request, (sent) => {
        expect(decodeRequest(unframe(encodeRequest(sent)))).toEqual(sent);
      }),
      SEEDED,
    );
    fc.assert(
      fc.property(reply, (sent) => {
        expect(decodeReply(unframe(encodeReply(sent)))).toEqual(sent);
      }),
      SEEDED,
    );
  });

  it('are, cut anywhere, an error and never something else', () => {
    fc.assert(
      fc.property(request, fc.nat(), (sent, at) => {
        const packet = unframe(encodeRequest(sent));
        expect(codeOf(() => decodeRequest(packet.subarray(0, at % packet.length)))).toBe('MALFORMED');
      }),
      SEEDED,
    );
  });

  it('raise nothing but SftpError on random bytes, and on changed ones', () => {
    const answers = new Set<string>();
    const decodeAll = (packet: Buffer) => {
      for (const decode of [decodeRequest, decodeReply, decodeInit, decodeVersion]) {
        answers.add(codeOf(() => decode(packet)));
      }
    };
    const runs = { ...SEEDED, numRuns: 5000 };
    const types = [...Array.from({ length: 22 }, (_, i) => i), 100, 101, 102, 103, 104, 105, 200, 201, 255];
    const bytes = fc.tuple(fc.constantFrom(...types), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(bytes, ([type, rest]) => decodeAll(Buffer.from([type, ...rest]))),
      runs,
    );
    const edits = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(request.map(encodeRequest), reply.map(encodeReply)), edits, (packet, changes) => {
        const changed = Buffer.from(packet.subarray(4));
        for (const [at, value] of changes) changed[at % changed.length] = value;
        decodeAll(changed);
      }),
      runs,
    );
    expect([...answers].sort()).toEqual(['LIMIT', 'MALFORMED', 'PATH', 'none']);
  });

  it('have the bytes that the draft gives (sections 3, 5 and 6)', () => {
    const open = encodeRequest({ type: 'open', id: 7, path: '/a', flags: 0x1a, attributes: { mode: 0o644 } });
    expect(open.toString('hex')).toBe(
      '00000017' + '03' + '00000007' + '000000022f61' + '0000001a' + '00000004000001a4',
    );
    const status = encodeReply({ type: 'status', id: 7, code: 1, message: 'end' });
    expect(status.toString('hex')).toBe(
      '00000016' + '65' + '00000007' + '00000001' + '00000003656e64' + '00000002656e',
    );
    const fsync = encodeRequest({ type: 'fsync', id: 1, handle: Buffer.from('h') });
    expect(fsync.subarray(4).toString('latin1')).toBe('\xc8\0\0\0\x01\0\0\0\x11fsync@openssh.com\0\0\0\x01h');
  });

  it('spare the copy of data, with the same bytes', () => {
    const body = Buffer.from('content');
    const write = { type: 'write', id: 9, handle: Buffer.from('h'), offset: 2 ** 40, data: body } as const;
    const header = encodeWriteHeader(9, write.handle, write.offset, body.length);
    expect(Buffer.concat([header, body])).toEqual(encodeRequest(write));
    const packet = dataPacket(9, 100);
    packet.data.set(body);
    expect(packet.finish(body.length)).toEqual(encodeReply({ type: 'data', id: 9, data: body }));
  });

  it('hold to the bounds', () => {
    const handle = Buffer.alloc(257);
    expect(codeOf(() => decodeRequest(encodeRequest({ type: 'close', id: 1, handle }).subarray(4)))).toBe('HANDLE');
    const stat = (path: string) => encodeRequest({ type: 'stat', id: 1, path }).subarray(4);
    expect(codeOf(() => decodeRequest(stat('a'.repeat(4096))))).toBe('none');
    expect(codeOf(() => decodeRequest(stat('a'.repeat(4097))))).toBe('PATH');
    const latin1 = Buffer.from(stat('aa').toString('latin1').replace('aa', 'a\xe9'), 'latin1');
    expect(codeOf(() => decodeRequest(latin1))).toBe('PATH');
    const read = encodeRequest({ type: 'read', id: 1, handle: Buffer.from('h'), offset: 0, length: 1 }).subarray(4);
    read.writeBigUInt64BE(2n ** 53n, 10);
    expect(codeOf(() => decodeRequest(read))).toBe('LIMIT');
    const data = Buffer.alloc(MAX_PACKET_LENGTH);
    expect(codeOf(() => encodeReply({ type: 'data', id: 1, data }))).toBe('LIMIT');
  });

  it('tell a name that is not UTF-8, and know how long an entry is', () => {
    const entry = { name: 'a?', longname: 'x', attributes: { size: 1 } };
    const packet = encodeReply({ type: 'name', id: 1, entries: [entry] }).subarray(4);
    packet[packet.indexOf('?')] = 0xe9;
    const decoded = decodeReply(packet);
    expect(decoded).toMatchObject({ entries: [{ name: 'a\uFFFD', isInexact: true }] });
    expect(entryLength(entry)).toBeGreaterThanOrEqual(packet.length - 9);
  });

  it('do not believe a count', () => {
    const packet = packetWriter(104).uint32(1).uint32(0xffff_ffff).finish().subarray(4);
    expect(codeOf(() => decodeReply(packet))).toBe('MALFORMED');
    const many = packetWriter(9).uint32(1).string('/a').uint32(0x8000_0000).uint32(0xffff_ffff).finish().subarray(4);
    expect(codeOf(() => decodeRequest(many))).toBe('LIMIT');
  });

  it('pass over extended attributes, and refuse those of later versions', () => {
    const attributes = (flags: number) => packetWriter(9).uint32(1).string('/a').uint32(flags);
    const extended = attributes(0x8000_0001).uint64(5).uint32(1).string('acl@x').string('v').finish().subarray(4);
    expect(decodeRequest(extended)).toMatchObject({ type: 'setstat', attributes: { size: 5 } });
    expect(codeOf(() => decodeRequest(attributes(0x10).finish().subarray(4)))).toBe('MALFORMED');
  });

  it('know an unknown type and an unknown extension', () => {
    expect(decodeRequest(packetWriter(21).uint32(3).finish().subarray(4))).toMatchObject({ id: 3, type: 'unknown' });
    const extended = packetWriter(200).uint32(4).string('hardlink@openssh.com').finish().subarray(4);
    expect(decodeRequest(extended)).toMatchObject({ id: 4, type: 'unknown' });
  });
});

describe('INIT, VERSION and extensions', () => {
  it('come back as they were sent', () => {
    expect(decodeInit(encodeInit().subarray(4))).toEqual({ version: 3, extensions: new Map() });
    const { version, extensions } = decodeVersion(encodeVersion(Object.values(EXTENSIONS)).subarray(4));
    expect(version).toBe(3);
    expect(extensions.get('limits@openssh.com')).toBe('1');
    expect(extensions.get('statvfs@openssh.com')).toBe('2');
    const limits = { packetLength: 1, readLength: 2, writeLength: 2 ** 40, openHandles: 4 };
    expect(decodeLimits(encodeLimits(limits))).toEqual(limits);
    const space = { blockSize: 4096, blocks: 9, freeBlocks: 8, availableBlocks: 7, maxName: 255 };
    expect(decodeSpace(encodeSpace(space))).toEqual(space);
  });

  it('are told from other packets, and bounded', () => {
    expect(codeOf(() => decodeInit(encodeVersion([]).subarray(4)))).toBe('MALFORMED');
    const writer = packetWriter(2).uint32(3);
    for (let i = 0; i < 65; i += 1) writer.string(`x${i}`).string('1');
    expect(codeOf(() => decodeVersion(writer.finish().subarray(4)))).toBe('LIMIT');
  });
});

describe('the reader', () => {
  it('gives views, and nothing behind the end', () => {
    const bytes = Buffer.from('0000000261620000', 'hex');
    const reader = packetReader(bytes);
    const view = reader.string();
    expect(view.toString()).toBe('ab');
    expect(view.buffer).toBe(bytes.buffer);
    expect(codeOf(() => reader.uint32())).toBe('MALFORMED');
  });
});
