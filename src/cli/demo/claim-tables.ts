// What made-up claims are made of. Every name is invented; codes look like ICD-10 and CPT.

export const FIRST_NAMES = [
  ...['Adena', 'Bastil', 'Corvan', 'Delphie', 'Eskil', 'Farrin', 'Gisla', 'Hadric', 'Ilvana', 'Jorun', 'Kestra'],
  ...['Lorvin', 'Mirela', 'Nadiv', 'Oswina', 'Perrin', 'Quilla', 'Rustam', 'Selwyn', 'Tamsin', 'Ulric', 'Vesna'],
  ...['Wendel', 'Xanthe', 'Yorick', 'Zelda'],
];

export const LAST_NAMES = [
  ...['Abbernath', 'Brindlewood', 'Castellar', 'Dunmarrow', 'Eversleigh', 'Fennimoor', 'Garrowby', 'Hollinshaw'],
  ...['Iverstone', 'Jessamont', 'Kirrendale', 'Lathbury', 'Merrowfield', 'Netherby', 'Oakhanger', 'Pellworth'],
  ...['Quennell', 'Ravensby', 'Stallworth', 'Thornquist', 'Underbank', 'Vellacott', 'Withersea', 'Yarrowgate'],
  ...["O'Dellan", 'Szabrin', 'van der Molt', 'Smythe-Corr'],
];

/** Code, and in how many of 100 claims the patient comes back within 30 days. */
export const DIAGNOSES: readonly (readonly [code: string, readmitted: number])[] = [
  ...([
    ['I10', 6],
    ['I21.4', 19],
    ['I25.10', 12],
    ['I48.91', 15],
    ['I50.9', 24],
    ['I63.9', 14],
  ] as const),
  ...([
    ['E11.9', 9],
    ['E11.65', 14],
    ['E78.5', 4],
    ['E86.0', 13],
    ['J18.9', 17],
    ['J44.1', 22],
  ] as const),
  ...([
    ['J45.909', 7],
    ['K21.9', 4],
    ['K35.80', 6],
    ['K80.20', 7],
    ['M16.11', 5],
    ['M17.11', 5],
  ] as const),
  ...([
    ['M54.50', 4],
    ['N17.9', 21],
    ['N39.0', 12],
    ['S72.001A', 13],
    ['A41.9', 25],
    ['F32.9', 10],
  ] as const),
];

export const PROCEDURES = [
  ...['99213', '99214', '99223', '99232', '99285', '93000', '71046', '80053', '85025', '27447', '27130', '47562'],
  ...['44970', '92928', '36415', '97110'],
];

/** Notes as they stand in the CSV: quoted where they hold a comma or a quotation mark. */
export const NOTES = [
  ...['', '', 'routine follow-up', 'no complications', 'seen by on-call team', 'transferred from clinic'],
  ...['"stable, discharged home"', '"BP high, advised diet and exercise"', '"allergy to penicillin, see chart"'],
  ...['"patient said ""better today"", walks unaided"', '"wound clean, dry, intact"', 'awaiting prior authorization'],
  ...['"labs repeated, potassium low"', 'imaging reviewed', '"spouse present, consent given"', 'coded from summary'],
];
