# ruff: noqa: E501  (a table with one case a line)
"""Ways to get a study wrong, each with every line that the user is told."""

import time
import tomllib
from pathlib import Path

import pytest

from rgnet import study as studies
from rgnet.study import models
from rgnet.updates import UPDATES

GOOD = """
name = "good"
seed = 3
[sample]
draws = 10
[networks.majority]
layers = [{ layer = "majority", b = 2, repeat = 2 }]
[[ensembles]]
name = "a"
shape = [8, 8]
K = [0.3, 0.4]
networks = ["majority"]
analyses = ["mcrg"]
"""
ENSEMBLE = GOOD[GOOD.index("[[ensembles]]") :]

BAD = [  # what is replaced, by what, the lines of the message without the list of known keys
    ('seed = 3', 'sede = 3', ["sede: unknown key; did you mean 'seed'?"]),
    ('seed = 3', 'seed = -1', ['seed = -1: it should be greater than or equal to 0 (every random stream is derived from it)']),
    ('seed = 3', 'seed = 9223372036854775808', ['seed = 9223372036854775808: it should be less than 9223372036854775808 (every random stream is derived from it)']),
    ('seed = 3', 'seed = 1.0', ['seed = 1.0: it should be a whole number (every random stream is derived from it)']),
    ('seed = 3', 'seed = true', ['seed = true: it should be a whole number (every random stream is derived from it)']),
    ('seed = 3', 'seed = 1979-05-27', ['seed = 1979-05-27: it should be a whole number (every random stream is derived from it)']),
    ('seed = 3', 'seed = 0x' + 'f' * 5000, ['seed = a whole number of 20000 bits: it should be less than 9223372036854775808 (every random stream is derived from it)']),
    ('seed = 3', 'draws = 3', ['draws: unknown key; it belongs to [sample] or [[ensembles]].']),
    ('seed = 3', 'K = 3', ['K: unknown key; it belongs to [[ensembles]].']),
    ('seed = 3', 'title = 7', ['title = 7: it should be text in quotes (one line that says what the study shows)']),
    ('seed = 3', 'title = "a\\nb"', ["title: 'a\\u000ab' is not one line of at most 200 printable characters; shorten it"]),
    ('seed = 3', '"" = 1', ["'': unknown key."]),
    ('seed = 3', '"se\\u001bed" = 1', ["'se\\u001bed': unknown key; did you mean 'seed'?"]),
    ('seed = 3', 'analysis.x.y = 1', ['analysis: unknown key.']),
    ('name = "good"', '', ['name: this key is missing; give it (letters, digits, - and _: names the folder of results)']),
    ('name = "good"', 'name = 7', ['name = 7: it should be text in quotes (letters, digits, - and _: names the folder of results)']),
    ('name = "good"', 'name = ""', ["name: '' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('name = "good"', 'name = "../evil"', ["name: '../evil' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('name = "good"', 'name = "a b"', ["name: 'a b' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('name = "good"', 'name = "Größe"', ["name: 'Größe' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('name = "good"', 'name = "CON"', ["name: 'CON' cannot be the name of a folder on Windows; call the study otherwise"]),
    ('name = "good"', 'name = "-rf"', ["name: '-rf' begins with -, like an option of a command; begin with a letter or digit"]),
    ('name = "good"', 'name = "a\\n"', ["name: 'a\\u000a' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('name = "good"', 'name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"', ["name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… has 101 characters; files are named after it, give at most 100"]),
    ('name = "good"', 'name = ".."', ["name: '..' is not made of letters (a to z), digits, _ and - alone; files are named after it, so change the rest"]),
    ('draws = 10', 'draw = 10', ["sample.draw: unknown key; did you mean 'draws'?"]),
    ('draws = 10', 'draws = -10', ['sample.draws = -10: it should be greater than 0 (number of draws a chain, such as 2000)']),
    ('draws = 10', 'draws = 10.5', ['sample.draws = 10.5: it should be a whole number (number of draws a chain, such as 2000)']),
    ('draws = 10', 'draws = "10"', ["sample.draws = '10': it should be a whole number (number of draws a chain, such as 2000)"]),
    ('draws = 10', 'draws = true', ['sample.draws = true: it should be a whole number (number of draws a chain, such as 2000)']),
    ('draws = 10', 'draws = [10]', ['sample.draws = [10]: it should be a whole number (number of draws a chain, such as 2000)']),
    ('draws = 10', 'draws = 1000000000000000000000000000000', ['sample.draws = 1000000000000000000000000000000: it should be less than or equal to 1000000000 (number of draws a chain, such as 2000)']),
    ('draws = 10', 'chains = 0', ['sample.chains = 0: it should be greater than 0 (number of independent chains, such as 4)']),
    ('draws = 10', 'chains = 20000', ['sample.chains = 20000: it should be less than or equal to 10000 (number of independent chains, such as 4)']),
    ('draws = 10', 'thin = 0', ['sample.thin = 0: it should be greater than 0 (sweeps from draw to draw; left out: measured)']),
    ('draws = 10', 'warmup = -1', ['sample.warmup = -1: it should be greater than or equal to 0 (sweeps before the first draw; left out: measured)']),
    ('draws = 10', 'warmup = 1.5', ['sample.warmup = 1.5: it should be a whole number (sweeps before the first draw; left out: measured)']),
    ('draws = 10', 'boundary = "free"', ['sample.boundary: unknown key; it belongs to [model].']),
    ('draws = 10', 'update = "wolf"', ["sample.update: 'wolf' is no update; give one of UPDATES, or several joined by +; did you mean 'wolff'?"]),
    ('draws = 10', 'update = 3', ['sample.update = 3: it should be text in quotes (name of a Monte Carlo update, or "auto")']),
    ('draws = 10', 'update = "Metropolis"', ["sample.update: 'Metropolis' is no update; give one of UPDATES, or several joined by +; did you mean 'metropolis'?"]),
    ('draws = 10', 'update = "wolff"\n[model]\ncouplings = { nnn = 0.1 }', ["sample.update: update='wolff' would not be exact: its clusters know K and h alone, and the model has nnn"]),
    ('[sample]\ndraws = 10', 'sample = 5', ['sample = 5: it should be a table, written with single brackets […] or as { key = value }']),
    ('[sample]', '[[sample]]', ['sample = [{ draws = 10 }]: it should be a table, written with single brackets […] or as { key = value }']),
    ('[sample]', '[sampel]', ["sampel: unknown key; did you mean 'sample'?"]),
    ('[sample]', '[model]\nname = "Pots"\n[sample]', ["model.name: 'Pots' is no model; give one of MODELS; did you mean 'Potts'?"]),
    ('[sample]', '[model]\nname = "ising"\n[sample]', ["model.name: 'ising' is no model; give one of MODELS; did you mean 'Ising'?"]),
    ('[sample]', '[model]\nboundary = "peridic"\n[sample]', ['model.boundary: \'peridic\' is no boundary; give "periodic" or "free", or a list with one of them for each side; did you mean \'periodic\'?']),
    ('[sample]', '[model]\nboundary = 1\n[sample]', ['model.boundary: 1 is no boundary; give "periodic" or "free", or a list with one of them for each side']),
    ('[sample]', '[model]\nboundary = ["free"]\n[sample]', ['model.boundary: boundary=(\'free\',) for shape (8, 8): give "periodic" or "free", or one of them for each side']),
    ('[sample]', '[model]\nboundary = []\n[sample]', ['model.boundary: the list is empty; give "periodic" or "free", or a list with one of them for each side']),
    ('[sample]', '[model]\nboundary = ["free", "open"]\n[sample]', ['model.boundary: \'open\' is no boundary; give "periodic" or "free", or a list with one of them for each side']),
    ('[sample]', '[model]\ncouplings = { nnnn = 0.1 }\n[sample]', ["model.couplings.nnnn: operator 'nnnn' is unknown; known are nn, nnn, third, fourth, fifth, plaquette, m, corner, straight, diagonal, phi2, phi3, phi4; did you mean 'nnn'?"]),
    ('[sample]', '[model]\ncouplings = { nnn = nan, third = true }\n[sample]', ['model.couplings.nnn: nan is not a finite number; give a number, such as 0.1', 'model.couplings.third: true is not a finite number; give a number, such as 0.1']),
    ('[sample]', '[model]\ncouplings = 0.1\n[sample]', ['model.couplings = 0.1: it should be a table, written with single brackets […] or as { key = value } (further couplings by operator, such as {nnn = 0.1})']),
    ('[sample]', '[model]\ncouplings = { nn = 0.1, phi2 = 0.1 }\n[sample]', ["model.couplings.nn: couplings={'nn': …}: give it as K=", "model.couplings.phi2: couplings={'phi2': …}: powers of a spin ±1 are constants or the spin itself"]),
    ('[sample]', '[model]\nshape = [8, 8]\n[sample]', ['model.shape: unknown key; it belongs to [[ensembles]].']),
    ('[sample]', '[model]\nseed = 8\n[sample]', ['model.seed: unknown key; it belongs to the top of the file, before the first heading in brackets.']),
    ('[networks.majority]', '[networks.samples]', ['networks.samples: the files have a group of that name; call the network otherwise', "ensembles[1].networks: the network 'majority' is not defined (defined: 'samples'); add a table [networks.NAME] of that name"]),
    ('[networks.majority]', '[networks."a/b"]', ["networks.'a/b': 'a/b' is not made of letters (a to z), digits and _ alone; files are named after it, so change the rest", "ensembles[1].networks: the network 'majority' is not defined (defined: 'a/b'); add a table [networks.NAME] of that name"]),
    ('[networks.majority]', '[networks."ä"]', ["networks.'ä': 'ä' is not made of letters (a to z), digits and _ alone; files are named after it, so change the rest", "ensembles[1].networks: the network 'majority' is not defined (defined: 'ä'); add a table [networks.NAME] of that name"]),
    ('[networks.majority]\nlayers = [{ layer = "majority", b = 2, repeat = 2 }]', 'networks = 3', ['sample.networks: unknown key; it belongs to [[ensembles]] or the top of the file, before the first heading in brackets.', "ensembles[1].networks: the network 'majority' is not defined (defined: none); add a table [networks.NAME] of that name"]),
    ('[networks.majority]', '[networks]', ["networks.layers = [{ layer = 'majority', b = 2, repeat = 2 }]: it should be a table, written with single brackets […] or as { key = value }", "ensembles[1].networks: the network 'majority' is not defined (defined: 'layers'); add a table [networks.NAME] of that name"]),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = []', ['networks.majority.layers is empty: give at least one (such as [{layer = "majority", repeat = 4}])']),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = { layer = "majority" }', ['networks.majority.layers = { layer = \'majority\' }: it should be a list in brackets (such as [{layer = "majority", repeat = 4}])']),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', '', ['networks.majority.layers: this key is missing; give it (such as [{layer = "majority", repeat = 4}])']),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = ["majority"]', ["networks.majority.layers[1] = 'majority': it should be a table, written with single brackets […] or as { key = value }"]),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = [{ layer = "majority", b = 2, repeat = 2 }]\nb = 2', ['networks.majority.b: unknown key; it belongs to an entry of layers.']),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = [{ layer = "majority", b = 2, repeat = 2 }]\nkeep_levels = "no"', ["networks.majority.keep_levels = 'no': it should be true or false (whether configurations of every level are stored)"]),
    ('layers = [{ layer = "majority", b = 2, repeat = 2 }]', 'layers = [{ layer = "majority", b = 2, repeat = 2 }]\nkeep_level = true', ["networks.majority.keep_level: unknown key; did you mean 'keep_levels'?"]),
    (', b = 2', ', b = 1', ['networks.majority.layers[1].b = 1: it should be greater than or equal to 2 (side of a block, a whole number of at least 2)']),
    (', b = 2', ', b = 2.5', ['networks.majority.layers[1].b = 2.5: it should be a whole number (side of a block, a whole number of at least 2)']),
    (', b = 2', ', b = true', ['networks.majority.layers[1].b = true: it should be a whole number (side of a block, a whole number of at least 2)']),
    (', b = 2', ', size = 2', ['networks.majority.layers[1].size: unknown key.']),
    (', b = 2', ', rho = 0.5', ["networks.majority.layers[1].rho: it belongs to the layer 'kadanoff', not to 'majority'; leave it out"]),
    (', b = 2', ', b = 100000000000000000000', ['networks.majority.layers[1].b = 100000000000000000000: it should be less than or equal to 1000000 (side of a block, a whole number of at least 2)']),
    ('repeat = 2', 'repeat = 0', ['networks.majority.layers[1].repeat = 0: it should be greater than or equal to 1 (how many times this layer stands in sequence)']),
    ('repeat = 2', 'repeat = 65', ['networks.majority.layers[1].repeat = 65: it should be less than or equal to 64 (how many times this layer stands in sequence)']),
    ('"majority", b', '"majorty", b', ["networks.majority.layers[1].layer = 'majorty': it should be 'majority', 'decimation', 'kadanoff' or 'average'; did you mean 'majority'? (one of majority, decimation, kadanoff, average)"]),
    ('layer = "majority", b', 'b', ['networks.majority.layers[1].layer: this key is missing; give it (one of majority, decimation, kadanoff, average)']),
    ('"majority", b', '"kadanoff", b', ["networks.majority.layers[1]: the layer 'kadanoff' needs rho, such as rho = 0.5"]),
    ('"majority", b', '"kadanoff", rho = -1, b', ['networks.majority.layers[1].rho = -1: it should be greater than or equal to 0 (kadanoff only: strength of the soft rule, such as 0.5)']),
    ('"majority", b', '"kadanoff", rho = nan, b', ['networks.majority.layers[1].rho = nan: it should be greater than or equal to 0 (kadanoff only: strength of the soft rule, such as 0.5)']),
    ('"majority", b', '"kadanoff", rho = true, b', ['networks.majority.layers[1].rho = true: it should be a number (kadanoff only: strength of the soft rule, such as 0.5)']),
    ('"majority", b', '"average", rescale = 0, b', ['networks.majority.layers[1].rescale: 0.0 would leave nothing of the field; give a factor other than 0, such as 1.09']),
    ('"majority", b', '"average", rescale = inf, b', ['networks.majority.layers[1].rescale: inf is not a finite number; give a factor other than 0, such as 1.09']),
    ('"majority", b', '"majority", ties = "coin", b', ['networks.majority.layers[1].ties = \'coin\': it should be \'random\' or \'first\' (majority only: "random" or "first")']),
    ('"majority", b', '3, b', ["networks.majority.layers[1].layer = 3: it should be 'majority', 'decimation', 'kadanoff' or 'average' (one of majority, decimation, kadanoff, average)"]),
    ('{ layer = "majority", b = 2, repeat = 2 }', '{ layer = "majority", repeat = 40 }, { layer = "majority", repeat = 40 }', ['networks.majority.layers: 80 layers; a network has at most 64, and a lattice has room for 30']),
    ('[[ensembles]]', '[ensembles]', ["ensembles = { name = 'a', shape = [8, 8], K = [0.3, 0.4], networks = …: it should be a list in brackets ([[ensembles]], each with two brackets)"]),
    ('[[ensembles]]', '[[ensemble]]', ["ensemble: unknown key; did you mean 'ensembles'?"]),
    (ENSEMBLE, '', ['ensembles: this key is missing; give it ([[ensembles]], [[hierarchies]] or [[experiments]], with two brackets)']),
    (ENSEMBLE, 'ensembles = []', ['networks.majority.ensembles: unknown key; it belongs to the top of the file, before the first heading in brackets.', 'ensembles: this key is missing; give it ([[ensembles]], [[hierarchies]] or [[experiments]], with two brackets)']),
    ('name = "a"', '', ['ensembles[1].name: this key is missing; give it (letters, digits and _, such as critical)']),
    ('name = "a"', 'name = "a/b"', ["ensembles[1].name: 'a/b' is not made of letters (a to z), digits and _ alone; files are named after it, so change the rest"]),
    ('name = "a"', 'name = "a-b"', ["ensembles[1].name: 'a-b' is not made of letters (a to z), digits and _ alone; files are named after it, so change the rest"]),
    ('name = "a"', 'name = "a"\ndrawz = 3', ["ensembles[1].drawz: unknown key; did you mean 'draws'?"]),
    ('name = "a"', 'name = "a"\nseed = 3', ['ensembles[1].seed: unknown key; it belongs to the top of the file, before the first heading in brackets.']),
    ('name = "a"', 'name = "a"\ndraws = 0', ['ensembles[1].draws = 0: it should be greater than 0 (number of draws a chain, such as 2000)']),
    ('name = "a"', 'name = "a"\nupdate = "heatbath"', ["ensembles[1].update: 'heatbath' is no update; give one of UPDATES, or several joined by +; did you mean 'heat-bath'?"]),
    ('shape = [8, 8]', '', ['ensembles[1].shape: this key is missing; give it (a lattice shape such as [64, 64], or a list of shapes)']),
    ('shape = [8, 8]', 'shape = "8x8"', ["ensembles[1].shape: ['8x8'] is not a shape; give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]"]),
    ('shape = [8, 8]', 'shape = [8.0, 8]', ['ensembles[1].shape: [8.0, 8] is not a shape; give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]']),
    ('shape = [8, 8]', 'shape = []', ['ensembles[1].shape: the list is empty; give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]']),
    ('shape = [8, 8]', 'shape = [[8, 8], []]', ['ensembles[1].shape: [] is not a shape; give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]']),
    ('shape = [8, 8]', 'shape = [true, 8]', ['ensembles[1].shape: [true, 8] is not a shape; give one lattice shape such as [64, 64], or a list of shapes such as [[16, 16], [32, 32]]']),
    ('shape = [8, 8]', 'shape = [0, 8]', ['ensembles[1].shape: shape=(0, 8): a lattice shape is one whole number of at least 1 for each dimension, such as (64, 64); 0 is not']),
    ('shape = [8, 8]', 'shape = [8, -8]', ['ensembles[1].shape: shape=(8, -8): a lattice shape is one whole number of at least 1 for each dimension, such as (64, 64); -8 is not']),
    ('shape = [8, 8]', 'shape = [1, 1]', ['ensembles[1].shape: shape=(1, 1) has one site: a lattice needs at least two; give a longer side']),
    ('shape = [8, 8]', 'shape = [1, 8]', ["ensembles[1].shape: network 'majority' (2 layers, scale 4) cannot take shape (1, 8): 4 does not divide 1; 4 would do", 'ensembles[1].shape: shape=(1, 8): a periodic side of length 1 makes each site its own neighbour; drop that side or make it free']),
    ('shape = [8, 8]', 'shape = [10, 8]', ["ensembles[1].shape: network 'majority' (2 layers, scale 4) cannot take shape (10, 8): 4 does not divide 10; 8 or 12 would do"]),
    ('shape = [8, 8]', 'shape = [[8, 8], [10, 8]]', ["ensembles[1].shape[2]: network 'majority' (2 layers, scale 4) cannot take shape (10, 8): 4 does not divide 10; 8 or 12 would do"]),
    ('shape = [8, 8]', 'shape = [[8, 8], [8, 8]]', ['ensembles[1].shape: [8, 8] comes 2 times; leave the others out']),
    ('shape = [8, 8]', 'shape = [1000000000, 1000000000]', ['ensembles[1].shape = [1000000000, 1000000000]: a lattice has at most 2^31 - 1 = 2,147,483,647 sites; give shorter sides']),
    ('shape = [8, 8]', 'shape = [8, 8, 8, 8, 8, 8]', ['ensembles[1].shape = [8, 8, 8, 8, 8, 8]: 6 dimensions; a lattice of a study has at most 5']),
    ('shape = [8, 8]', 'shape = [32768, 32768]\ndraws = 1000', ['ensembles[1].shape = [32768, 32768]: 1,073,741,824 sites × 1,000 draws × 4 chains are 4.29e+12 spins, a byte each; a point holds them in memory, at most 1e12: give fewer draws or chains, or shorter sides']),
    ('shape = [8, 8]', 'Shape = [8, 8]', ["ensembles[1].Shape: unknown key; did you mean 'shape'?"]),
    ('K = [0.3, 0.4]', '', ['ensembles[1]: give exactly one of K, T and K_over_K_c (found none), such as K_over_K_c = 1']),
    ('K = [0.3, 0.4]', 'K = 0.4\nT = 2.5', ['ensembles[1]: give exactly one of K, T and K_over_K_c (found K and T), such as K_over_K_c = 1']),
    ('K = [0.3, 0.4]', 'K = 0.4\nT = 2.5\nK_over_K_c = 1', ['ensembles[1]: give exactly one of K, T and K_over_K_c (found K and T and K_over_K_c), such as K_over_K_c = 1']),
    ('K = [0.3, 0.4]', 'T = 0.0', ['ensembles[1].T: T = 0 makes the reduced coupling K = 1/T infinite; give temperatures other than 0']),
    ('K = [0.3, 0.4]', 'T = { start = -1, stop = 1, num = 3 }', ['ensembles[1].T: T = 0 makes the reduced coupling K = 1/T infinite; give temperatures other than 0']),
    ('K = [0.3, 0.4]', 'T = 1e-300', ['ensembles[1].T: T = 1e-300 makes the reduced coupling K = 1/T larger than 1e9; give larger ones']),
    ('K = [0.3, 0.4]', 'K = nan', ['ensembles[1].K: nan is not a finite number; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = [0.3, inf]', ['ensembles[1].K: inf is not a finite number; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = "K_c"', ["ensembles[1].K: 'K_c' is not a finite number; give a finite number, a list of them, or {start = …, stop = …, num = …}"]),
    ('K = [0.3, 0.4]', 'K = true', ['ensembles[1].K: true is not a finite number; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = []', ['ensembles[1].K: the list is empty; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = [[0.3]]', ['ensembles[1].K: [0.3] is not a finite number; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = 1e300', ['ensembles[1].K: 1e+300 is beyond ±1e9, the largest numbers of a study; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = 1' + '0' * 400, ['ensembles[1].K: a whole number of 1329 bits is beyond ±1e9, the largest numbers of a study; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = [0.3, 0.3]', ['ensembles[1].K: 0.3 comes 2 times (names of files have seven digits); leave the others out']),
    ('K = [0.3, 0.4]', 'K = [0.30000001, 0.30000002]', ['ensembles[1].K: 0.3 comes 2 times (names of files have seven digits); leave the others out']),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.2 }', ['ensembles[1].K: the range { start = 0.1, stop = 0.2 } has no num; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.2, number = 3 }', ["ensembles[1].K: 'number' is no part of a range; give a finite number, a list of them, or {start = …, stop = …, num = …}; did you mean 'num'?"]),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.2, num = 1 }', ['ensembles[1].K: num = 1: num is a whole number of at least 2 and at most 100000']),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.2, num = 1000000000 }', ['ensembles[1].K: num = 1000000000: num is a whole number of at least 2 and at most 100000']),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.1, num = 3 }', ['ensembles[1].K: start and stop are both 0.1; give two different ends, or the number alone']),
    ('K = [0.3, 0.4]', 'K = { start = nan, stop = 0.1, num = 3 }', ['ensembles[1].K: nan is not a finite number; give a finite number, a list of them, or {start = …, stop = …, num = …}']),
    ('K = [0.3, 0.4]', 'K = { start = 0.1, stop = 0.2, num = 50001 }\nh = [0, 1]', ['ensembles: they have 100,002 points (shapes × couplings × fields); a study has at most 100,000: give fewer values, or several studies']),
    ('K = [0.3, 0.4]', 'K = 0.4\nk = 2', ["ensembles[1].k: unknown key; did you mean 'K'?"]),
    ('K = [0.3, 0.4]', 'K = 0.4\nh = [0, 0]', ['ensembles[1].h: 0 comes 2 times (names of files have seven digits); leave the others out']),
    ('K = [0.3, 0.4]', 'K = 0\nupdate = "wolff"', ["ensembles[1].update: update='wolff' would not be exact: at K = 0 every cluster is one site, and the number of clusters fixes the parity of the up spins"]),
    ('shape = [8, 8]\nK = [0.3, 0.4]', 'shape = [64]\nK_over_K_c = 1', ['ensembles[1].K_over_K_c: with shape [64]: K_c is known for the square and the cubic lattice without further couplings; give K instead']),
    ('shape = [8, 8]\nK = [0.3, 0.4]', 'shape = [8, 8, 8, 8]\nK_over_K_c = 1', ['ensembles[1].K_over_K_c: with shape [8, 8, 8, 8]: K_c is known for the square and the cubic lattice without further couplings; give K instead']),
    ('shape = [8, 8]\nK = [0.3, 0.4]', 'shape = [64]\nK = 1\n[model]\ncouplings = { plaquette = 0.1 }', ['model.networks: unknown key; it belongs to [[ensembles]] or the top of the file, before the first heading in brackets.', 'model.analyses: unknown key; it belongs to [[ensembles]].', "model.couplings.plaquette: operator 'plaquette' needs at least 2 dimensions, the lattice has 1"]),
    ('networks = ["majority"]', 'networks = ["majorty"]', ["ensembles[1].networks: the network 'majorty' is not defined (defined: 'majority'); add a table [networks.NAME] of that name; did you mean 'majority'?"]),
    ('networks = ["majority"]', 'networks = "majority"', ['ensembles[1].networks = \'majority\': it should be a list in brackets (names of networks, such as ["majority"])']),
    ('networks = ["majority"]', 'networks = ["majority", "majority"]', ["ensembles[1].networks: 'majority' comes 2 times; leave the others out"]),
    ('networks = ["majority"]', '', ['ensembles[1].analyses = [\'mcrg\']: analyses need levels: give networks = ["NAME", …]']),
    ('networks = ["majority"]', 'networks = [3]', ['ensembles[1].networks[1] = 3: it should be text in quotes']),
    ('analyses = ["mcrg"]', 'analyses = ["mcgr"]', ["ensembles[1].analyses[1] = 'mcgr': it should be 'mcrg', 'tangent', 'couplings', 'information' or 'snapshots'; did you mean 'mcrg'?"]),
    ('analyses = ["mcrg"]', 'analyses = "mcrg"', ['ensembles[1].analyses = \'mcrg\': it should be a list in brackets (such as ["mcrg", "tangent"])']),
    ('analyses = ["mcrg"]', 'analyses = ["mcrg", "mcrg"]', ["ensembles[1].analyses: 'mcrg' comes 2 times; leave the others out"]),
    ('analyses = ["mcrg"]', 'analyses = [["mcrg"]]', ["ensembles[1].analyses[1] = ['mcrg']: it should be 'mcrg', 'tangent', 'couplings', 'information' or 'snapshots'"]),
    ('analyses = ["mcrg"]', '[[ensembles]]\nname = "a"\nshape = [4, 4]\nK = 1', ["ensembles[2].name: 'a' is the name of ensembles[1] too; give each its own name"]),
    ('analyses = ["mcrg"]', '[[ensembles]]\nname = "A"\nshape = [4, 4]\nK = 1', ["ensembles[2].name: 'A' and 'a' (ensembles[1]) differ only by case, and some file systems would take their files for one; give names that differ otherwise"]),
]  # fmt: skip


def told(path):
    """The error of a study file that is wrong: its first line, and the others without the lists of known keys."""
    with pytest.raises(studies.StudyError) as caught:
        studies.load(path)
    message = (
        str(caught.value).replace(", ".join(("auto", *UPDATES)), "UPDATES").replace(", ".join(models.names()), "MODELS")
    )
    first, *lines = message.split("\n")
    return first, [
        line.removeprefix("  ").partition(" Known here: ")[0].partition("; exact here are ")[0] for line in lines
    ]


@pytest.mark.parametrize(("old", "new", "lines"), BAD, ids=range(len(BAD)))
def test_wrong_keys_and_values(tmp_path, old, new, lines):
    assert old in GOOD
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    count = "one thing is" if len(lines) == 1 else f"{len(lines)} things are"
    assert told(file) == (f"{file}: {count} wrong:", lines)


def test_unknown_keys_come_with_those_that_are_known(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace("seed", "sede"))
    with pytest.raises(
        studies.StudyError, match=r"sede: .* Known here: name, title, seed, model, sample, networks, en"
    ):
        studies.load(file)


def good(**changes):
    return studies.parse({**tomllib.loads(GOOD), **changes})


EIGHT = """
name = "eight mistakes"
sed = 1
[model]
boundary = "opne"
[sample]
draws = -5
[networks.majority]
layers = [{ layer = "majorty", repeat = 2 }]
[networks.average]
layers = [{ layer = "average", b = 4 }]
[[ensembles]]
name = "a"
shape = [10, 10]
T = 0
networks = ["average"]
[[ensembles]]
name = "b"
shape = [8, 8]
networks = ["averages"]
"""


def test_eight_mistakes_are_eight_lines(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(EIGHT)
    first, lines = told(file)
    assert first == f"{file}: 9 things are wrong:"
    assert [line.partition(" ")[0].rstrip(":") for line in lines] == [
        "name", "model.boundary", "sample.draws", "networks.majority.layers[1].layer", "ensembles[1].T", "sed",
        "ensembles[2]", "ensembles[2].networks", "ensembles[1].shape",
    ]  # fmt: skip


def test_one_mistake_is_one_line_however_often(tmp_path):
    """Wrong entries make their list look empty to the checker; that is not said."""
    file = tmp_path / "bad.toml"
    wrong = [f'[[ensembles]]\nname = "e{k}"\nshape = [8, 8]\nK = 0.4\ndrawz = 3\n' for k in range(2000)]
    file.write_text('name = "many"\n' + "".join(wrong))
    first, lines = told(file)
    assert first == f"{file}: one thing is wrong:"
    with pytest.raises(
        studies.StudyError, match=r"^.*\n  ensembles\[1\]\.drawz: .* \(also ensembles\[2\]\.drawz, .* and 9"
    ):
        studies.load(file)
    assert len(lines) == 1


def test_a_mistake_of_every_point_is_one_line():
    """2,000 couplings at which Wolff is not exact."""
    ensemble = {"name": "a", "shape": [8, 8], "K": {"start": 0.1, "stop": 0.5, "num": 2000}, "update": "wolff"}
    with pytest.raises(studies.StudyError, match="one thing is wrong") as caught:
        good(ensembles=[ensemble], model={"couplings": {"nnn": 0.1}})
    assert str(caught.value).count("would not be exact") == 1


def test_very_many_mistakes_are_cut(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace("[sample]", "\n".join(f"key{k} = 1" for k in range(60)) + "\n[sample]"))
    first, lines = told(file)
    assert first == f"{file}: 60 things are wrong:"
    assert len(lines) == 41
    assert lines[-1] == "… and 20 more"


FILES = [
    (b"", "2 things are wrong:"),
    (b"\x89HDF\r\n\x1a\n\xff\xfe", "is not text: a study is a TOML file such as simulations/ising2d.toml, in UTF-8 (line 1 has a byte 0x89)"),
    (b'name = "a"\ntitle = "\xe4"', "(line 2 has a byte 0xe4)"),
    (GOOD.encode("utf-16"), "is in UTF-16: TOML is written in UTF-8; save it again with that encoding"),
    (GOOD.encode() + b"#" * (1 << 20), "has more than 1 MiB: a study is a short TOML file; for many values give ranges"),
    (b"a = " + b"[" * 100_000, "has brackets within brackets, too many to read"),
    (b"a = " + b"{a = " * 100_000, "has brackets within brackets, too many to read"),
    (b".".join([b"a"] * 100_000) + b" = 1", "has a key of 100 or more parts between dots"),
    (b".".join([b'"a"'] * 10_000) + b" = 1", "has a key of 100 or more parts between dots"),
    (b".".join([b"a"] * 90) + b" = 1", "a: unknown key"),
    (b"seed = " + b"9" * 5000, "has a whole number of thousands of digits; give smaller numbers"),
    (b'{"name": "a"}', "is not valid TOML: line 1, column 1: Invalid statement; it looks like JSON; in TOML a key is set by ="),
    (b"name: a\nseed: 1", "it looks like YAML; in TOML a key is set by ="),
    (b"name = \nseed = 1", "is not valid TOML: line 1, column 8: Invalid value; text stands in quotes"),
    (b"seed = 1\ndraws = 10,000", "is not valid TOML: line 2, column 11: Expected newline or end of document after a statement; one key to a line"),
    (b"name = good", "text stands in quotes"),
    (b"seed = 1\nseed = 2\n", "is not valid TOML: line 2, column 9: Cannot overwrite a value; the key or the table is given twice; keep one. The line is 'seed = 2'"),
    (b"[sample]\n[sample]", "is not valid TOML: line 2, column 8: Cannot declare ('sample',) twice; the table is given twice"),
    (b"K = [1, 2", "a bracket ] is missing"),
    (b'name = "a', "is not valid TOML: "),
    (b"name 3", "each line is KEY = VALUE, or a heading such as [sample]"),
    (b"[sample", "Expected ']'"),
    (b"name = True", "true and false are lower-case"),
    (b"rho = .5", "0.5 has its 0"),
    (b"name\x00 = 1", "is not valid TOML: line 1"),
    (b"\xef\xbb\xbf\xef\xbb\xbfname = 1", "is not valid TOML: line 1"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "fragment"), FILES, ids=range(len(FILES)))
def test_files_that_are_no_studies(tmp_path, content, fragment):
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    start = time.monotonic()
    with pytest.raises(studies.StudyError) as caught:
        studies.load(file)
    assert time.monotonic() - start < 5.0
    assert str(caught.value).startswith(str(file))
    assert fragment in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_no_file_at_all(tmp_path):
    with pytest.raises(studies.StudyError, match="is a directory: give a study file such as"):
        studies.load(tmp_path)
    with pytest.raises(studies.StudyError, match=r"missing\.toml: no such file; give a study file such as"):
        studies.load(tmp_path / "missing.toml")
    with pytest.raises(studies.StudyError, match="cannot be read: File name too long"):
        studies.load(tmp_path / ("x" * 300 + ".toml"))
    with pytest.raises(studies.StudyError, match="cannot be the name of a file: embedded null byte"):
        studies.load("a\0b.toml")
    (tmp_path / "file").touch()
    with pytest.raises(studies.StudyError, match="cannot be read: Not a directory"):
        studies.load(tmp_path / "file" / "s.toml")


def test_an_unreadable_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(studies.StudyError, match=r"s\.toml cannot be read: Permission denied"):
        studies.load(tmp_path / "s.toml")


def test_an_endless_file():
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero here")
    with pytest.raises(studies.StudyError, match="/dev/zero has more than 1 MiB"):
        studies.load("/dev/zero")


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace(" = ", "\t=\t"),
        GOOD.replace("[sample]", "# é ∑ \U0001f9ca\n[sample]"),
        GOOD.rstrip("\n"),
    ],
    ids=["CRLF", "mark at the start", "tabs", "comment", "no last line break"],
)
def test_bytes_that_editors_leave_do_no_harm(tmp_path, text):
    file = tmp_path / "s.toml"
    file.write_bytes(text.encode())
    assert studies.load(file) == good()


@pytest.mark.parametrize("data", [None, [], "text", 3, {1: 2}, {None: None}, {"ensembles": {}}, {"networks": []}])
def test_data_that_is_no_table(data):
    with pytest.raises(studies.StudyError, match=r"^the study: .* wrong:\n  "):
        studies.parse(data)
