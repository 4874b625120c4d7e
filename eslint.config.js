import { readdirSync } from 'node:fs';
import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';

/** Each is a process of its own. `demo` alone, which is what `npm start` runs, may take from the others: it runs them all in one process. */
const services = readdirSync(new URL('./services', import.meta.url)).filter((name) => name !== 'demo');

const processUse = { name: 'process', message: 'Only main.ts touches process; take what you need as a parameter.' };

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', '.millrace/', 'coverage/', '**/*.js', 'schemas/**/*.generated.ts'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: { 'import-x/ignore': ['@electric-sql/pglite'], 'import-x/resolver-next': [importX.createNodeResolver({ extensions: ['.ts', '.js'], conditionNames: ['source', 'node', 'import', 'default'] })], 'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] } },
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-globals': ['error', processUse],
      'no-restricted-imports': ['error', { paths: [{ name: 'node:process', message: processUse.message }] }],
      'import-x/no-cycle': 'error',
      // The house has one staircase: schemas <- shared <- services; the engine stands alone.
      'import-x/no-restricted-paths': ['error', {
        basePath: import.meta.dirname,
        zones: [
          { target: './schemas', from: ['./shared', './services', './test', './bench', './examples'], message: 'schemas import nothing of ours.' },
          { target: './shared', from: ['./services', './test', './bench', './examples'], message: 'shared must not know who uses it.' },
          { target: './services', from: ['./test', './bench'], message: 'services must not depend on tests or benchmarks.' },
          ...services.map((name) => ({ target: `./services/${name}`, from: './services', except: [`./${name}`], message: 'services never import one another: what two of them need is shared.' })),
          { target: './shared/engine', from: './shared', except: ['./engine', './jobs', './errors'], message: 'the engine is sans-IO: it knows jobs (policy, outcome) and nothing else.' },
          { target: './shared/jobs', from: './shared', except: ['./jobs', './errors'], message: 'jobs is what users write; it depends on nothing.' },
        ],
      }],
    },
  },
  { files: ['**/main.ts', 'test/**/*.ts', 'bench/**/*.ts', '*.config.ts'], rules: { 'no-restricted-globals': 'off', 'no-restricted-imports': 'off' } },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/require-await': 'off', '@typescript-eslint/unbound-method': 'off' } },
);
