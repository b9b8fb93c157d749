// Messages go both ways between us and the official Python client.
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { describeEncryptionClient } from '../contracts/encryption-client.ts';
import { missingPython, type PythonClient, startPythonClient } from '../support/python.ts';

let python: PythonClient;
beforeAll(() => {
  if (missingPython() === undefined) python = startPythonClient();
});
afterAll(() => python?.stop());
beforeEach((context) => {
  const reason = missingPython();
  if (reason !== undefined) context.skip(reason);
});

// Its writer takes frames of whole blocks of 128 bits, sixteen bytes at a time; its reader takes any.
describeEncryptionClient('the official Python client', () => python, { multiple: 128 });
